"""Chinese of `kapok up`: its lines, and the panels of its view."""

from collections.abc import Mapping
from typing import Final

VIEW: Final[Mapping[str, str]] = {
    # Lines
    "data folder {data} ({found})": "数据目录 {data}（{found}）",
    "data folder migrated from schema {version} to {next}: {done}; what it replaced is in {kept}": (
        "数据目录已从格式 {version} 迁移到 {next}：{done}；被替换的文件在 {kept}"
    ),
    "profiles, floors, audit logs, registry and users have the form of this version": (
        "场所规则、版本下限、审计日志、登记表和存储用户已改为本版本的形式"
    ),
    "new": "新建",
    "found again": "已有",
    "ended a leftover of an earlier start: {name} {pid}": "已结束上次遗留的进程：{name} {pid}",
    "this kernel does not confine processes (Landlock): every process of the house"
    " can read every key of it and change every file": (
        "此内核不能限制进程（Landlock）：本系统的任何进程都能读取全部密钥、更改全部文件"
    ),
    "this kernel confines processes in part (Landlock before version 3): every process of the"
    " house can cut files short and end other processes": (
        "此内核只能部分限制进程（Landlock 低于第 3 版）：本系统的任何进程都能截短文件、结束其他进程"
    ),
    "this kernel confines processes in part (Landlock before version 6): every process of the"
    " house can end other processes": (
        "此内核只能部分限制进程（Landlock 低于第 6 版）：本系统的任何进程都能结束其他进程"
    ),
    "this machine does not filter system calls (seccomp): every process of the house can change"
    " modes of its files, and limits and priorities of other processes": (
        "此机器不能过滤系统调用（seccomp）：本系统的任何进程都能更改文件权限以及其他进程的限额和优先级"
    ),
    "certificates are not renewed: {why}": "证书未能更换：{why}",
    "root cannot write below /run: configuration is the account's": (
        "root 无法写入 /run：配置属于运行帐户"
    ),
    "configuration {folder} (root's)": "配置 {folder}（属于 root）",
    "verifier {verifier}   issuing {issuing}   fleet {fleet}": (
        "核验 {verifier}   签发 {issuing}   终端管理 {fleet}"
    ),
    "terminals: scans {scans}   MQTT {host}:{port}": "终端：扫码 {scans}   MQTT {host}:{port}",
    "data {data}": "数据 {data}",
    "ready; Ctrl-C stops everything": "就绪；按 Ctrl-C 全部停止",
    "stopping": "正在停止",
    "stopped": "已停止",
    "starting": "正在启动",
    "ready": "就绪",
    "troubled": "异常",
    "restarting": "等待重启",
    "{name} {state}": "{name} {state}",
    "{name} (process {pid}) {state}": "{name}（进程 {pid}）{state}",
    "{line}: {problem}": "{line}：{problem}",
    # Children
    "could not be started: {program}: {error}": "无法启动：{program}：{error}",
    "could not be started: {why}": "无法启动：{why}",
    "was killed by signal {number}": "被信号 {number} 终止",
    "ended with code {code}": "已退出，代码 {code}",
    "{ended}; its last words: {said}": "{ended}；最后输出：{said}",
    "gave no answer {count} times in a row and was ended ({problem})": (
        "连续 {count} 次没有应答，已被结束（{problem}）"
    ),
    "{why}; starting it again in {delay:g} s": "{why}；{delay:g} 秒后重新启动",
    "runs again (restarts: {count}); before that it {crash}": (
        "已恢复运行（重启 {count} 次）；此前{crash}"
    ),
    # Panels
    "kapok  {ready} of {all} processes ready": "kapok  {all} 个进程中 {ready} 个就绪",
    "Ctrl-C stops everything": "按 Ctrl-C 全部停止",
    "decisions": "判定",
    "none yet; `./kapok demo` in another terminal makes some": (
        "暂无；可在另一终端窗口运行 `./kapok demo`"
    ),
    "none yet": "暂无",
    "time": "时间",
    "place": "场所",
    "code": "码",
    "decision": "判定",
    "why": "原因",
    "ms": "毫秒",
    "network": "网络",
    "bundles": "签名包",
    "cut off": "已断网",
    "what is wrong": "异常",
    "nothing": "无",
    "{reason}: {sentence}": "{reason}：{sentence}",
    "{decision} {place} {form} {ms:.0f} ms {where}: {why}": (
        "{decision} {place} {form} {ms:.0f} 毫秒 {where}：{why}"
    ),
    "terminal {name} is {presence}": "终端 {name} {presence}",
    "unknown": "状态不明",
    "problem {who}: {what}": "异常 {who}：{what}",
    "problem {who}: over": "异常 {who}：已消除",
    # How the house stands
    "{name} {version} ({ages})": "{name} {version}（{ages}）",
    "{name} {stands}": "{name} {stands}",
    "{name} {stands} ({age})": "{name} {stands}（{age}）",
    "{wrong}: {advice}": "{wrong}：{advice}",
    "its door {how}: {effect}; see log/ in the data folder": (
        "其入口{how}：{effect}；请看数据目录的 log/"
    ),
    "answers {status}": "应答 {status}",
    "does not answer": "没有应答",
    "decisions are not shown": "无法显示判定",
    "presence is not known": "在线状态不明",
    "cannot read {path} ({why}): decisions and terminals are not shown; the house goes on": (
        "无法读取 {path}（{why}）：不显示判定与终端；各进程继续运行"
    ),
    "the panels cannot be drawn ({error}); lines follow": "无法绘制面板（{error}）；改为逐行显示",
}
