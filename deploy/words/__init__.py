"""What the command line says in the language of whoever calls: English, or Chinese (zh-CN).

English is what the code itself says, as phrases; `chinese` has the words for each of them. Ids,
codes, numbers and lines of logs are the same in every language.
"""
