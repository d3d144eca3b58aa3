"""Chinese of `kapok status`, by the English phrases of `deploy.status`."""

from collections.abc import Mapping
from typing import Final

STATUS: Final[Mapping[str, str]] = {
    # The screen
    "all is well": "一切正常",
    "wrong: {count}": "异常：{count} 项",
    "docs/runbook.md says more on each; log/ in the data folder": (
        "各项详情见 docs/runbook.md，日志在数据目录的 log/ 中"
    ),
    "{subject}: {said}": "{subject}：{said}",
    # Sections
    "processes": "进程",
    "kernel": "内核",
    "planes": "状态数据",
    "sources": "数据源",
    "archive": "归档",
    "store": "存储",
    "audit": "审计",
    "terminals": "终端",
    "ends": "有效期",
    "house": "整套系统",
    "acts by hand": "人工操作",
    # Acts by hand
    "budgets": "限额",
    "nothing in the last hour": "最近一小时内没有",
    "{spent} of {budget} in the last hour, {refused} refused": (
        "最近一小时 {spent} 次，限额 {budget} 次，被拒 {refused} 次"
    ),
    # Processes
    "does not run": "未运行",
    "does not run; last words: {words}": "未运行；最后输出：{words}",
    "{why} (process {pid}, started {seconds:.0f} s ago)": (
        "{why}（进程 {pid}，{seconds:.0f} 秒前启动）"
    ),
    "{said}; log: {error}": "{said}；日志：{error}",
    "was started again {seconds:.0f} s ago": "{seconds:.0f} 秒前被重新启动",
    "answers {status} when asked whether it is ready": "询问是否就绪时应答 {status}",
    "ready (process {pid}, {seconds:.0f} s)": "就绪（进程 {pid}，已运行 {seconds:.0f} 秒）",
    "{code}: {wrong}": "{code}：{wrong}",
    "no answer within {seconds:g} s": "{seconds:g} 秒内没有应答",
    "no answer ({error})": "没有应答（{error}）",
    "the answer is not JSON": "应答不是 JSON",
    "it did not answer within {seconds:g} s": "{seconds:g} 秒内没有应答",
    "its door {door} does not answer ({error})": "入口 {door} 没有应答（{error}）",
    "not ready: {why}; its log says why": "未就绪：{why}；原因见其日志",
    "nothing listens on port {port} yet": "端口 {port} 尚无监听",
    "it is loading its data": "正在载入数据",
    "it is loading its data: {percent:.0f} %": "正在载入数据：{percent:.0f} %",
    "it refuses `kapok up` on its socket ({error})": "其套接字拒绝 `kapok up`（{error}）",
    "the broker does not answer on port {port} ({error})": (
        "端口 {port} 上的 broker 没有应答（{error}）"
    ),
    "the broker refuses `kapok up` (code {code})": "broker 拒绝 `kapok up`（代码 {code}）",
    "it does not answer on its socket ({error})": "其套接字没有应答（{error}）",
    "`kapok up` cannot ask it: {path}: {why}": "`kapok up` 无法询问它：{path}：{why}",
    "the broker and `kapok up` do not take each other's certificates ({why})": (
        "broker 与 `kapok up` 互不接受对方的证书（{why}）"
    ),
    "nothing answers, and no `kapok up` holds the data folder": (
        "没有任何应答，也没有 `kapok up` 占用数据目录"
    ),
    "nothing answers; `kapok up` (process {pid}) is starting or stopping": (
        "没有任何应答；`kapok up`（进程 {pid}）正在启动或停止"
    ),
    # Planes
    "version {version} is published, and no worker knows it": (
        "版本 {version} 已发布，但没有 worker 获知"
    ),
    "version {version}": "版本 {version}",
    "{span} old": "时龄 {span}",
    "fed {span} ago": "{span}前报送",
    "{worker} is at version {version} of {newest}": "{worker} 为版本 {version}，最新为 {newest}",
    # Sources
    "fresh": "及时",
    "late": "稍迟",
    "stale": "已停滞",
    "never": "从未报送",
    "active": "启用",
    "suspended": "已暂停",
    "revoked": "已撤销",
    "batch {number}": "批次 {number}",
    "told everything {span} ago (stale after {limit})": (
        "{span}前报送完毕（超过 {limit}视为停滞）"
    ),
    "{count} refused": "被拒 {count} 项",
    "breaker {state}": "熔断器{state}",
    "open": "已断开",
    "half_open": "半开",
    # Archive
    "records": "记录",
    "nothing moved yet": "尚未归档",
    "moved until {span} ago": "已归档至 {span}前",
    "{hours} closed hours wait": "{hours} 个完整小时待归档",
    # Store
    "disk": "磁盘",
    "{size} free": "剩余 {size}",
    "memory": "内存",
    "{used} of {most}, {keys} keys": "已用 {used}，上限 {most}，{keys} 个键",
    "no limit": "不限",
    "durability": "持久性",
    "file": "文件",
    "{size}, last write {write}, last rewrite {rewrite}": (
        "{size}，上次写入 {write}，上次重写 {rewrite}"
    ),
    # Audit
    "logs": "日志",
    "whole": "完整",
    "entries: {logs}": "条数：{logs}",
    "line {line}: {flaw}": "第 {line} 行：{flaw}",
    "not an entry as it is written": "不是规定格式的条目",
    "the entry was changed after it was written": "该条目写入后被改动",
    "it does not follow the line before: one was taken out, put in or moved": (
        "与前一行不相接：有条目被删除、插入或移动"
    ),
    "an entry of another process's log": "属于其他进程日志的条目",
    "the last line is cut off: the process was interrupted, or is writing now": (
        "最后一行不完整：进程曾被中断，或正在写入"
    ),
    "entries are missing from here on: the log ends before its head": (
        "此后的条目缺失：日志短于其末端记录"
    ),
    "another entry than the one whose head was noted": "与先前记下的末端不是同一条目",
    # Terminals
    "others": "其余",
    "{count} terminals are online": "{count} 台终端在线",
    "online": "在线",
    "degraded": "不稳",
    "offline": "离线",
    "flapping": "反复掉线",
    "never seen": "从未上线",
    "seen {span} ago": "{span}前在线",
    "cut off by hand": "已人为断网",
    "outbox {count}": "待传 {count}",
    "{count} records wait for the centre": "{count} 条记录等待上传中心",
    "{count} records did not fit its outbox": "{count} 条记录因待传区已满而丢失",
    "it is not sure of the time": "时钟不可靠",
    "the centre refused {count} of its records; nobody stored them": (
        "中心拒收了 {count} 条记录，无处保存"
    ),
    "its disk lost up to {count} records that were kept": "其磁盘最多丢失了 {count} 条已保存的记录",
    "open incidents: {kinds}": "未结事件：{kinds}",
    "behind: {bundles}": "落后：{bundles}",
    "{name} {version} of {newest}": "{name} {version}（最新 {newest}）",
    # What has an end
    "root": "根",
    "trust": "信任",
    "trust bundle": "信任包",
    "keys": "密钥",
    "key {kid}": "密钥 {kid}",
    "certificates": "证书",
    "configuration": "配置",
    "root's, in {folder}": "属于 root，在 {folder}",
    "the account's, in {folder}: the kernel alone guards it": (
        "属于运行帐户，在 {folder}：仅由内核保护"
    ),
    "certificate {name}": "证书 {name}",
    "person hash": "人员散列",
    "ends in {span}": "{span}后到期",
    "ends in {days:.0f} days": "{days:.0f} 天后到期",
    "ended {span} ago": "已于 {span}前到期",
    "{count} hold for more than {days} days": "{count} 项有效期超过 {days} 天",
    "cannot be read ({error})": "无法读取（{error}）",
    "today's key, {name}, is missing": "缺少今天的密钥 {name}",
    "tomorrow's key, {name}, is missing": "缺少明天的密钥 {name}",
    # Spans of time
    "{number:.0f} d": "{number:.0f} 天",
    "{number:.0f} h": "{number:.0f} 小时",
    "{number:.0f} min": "{number:.0f} 分钟",
    "{number:.0f} s": "{number:.0f} 秒",
}
