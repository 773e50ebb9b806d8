"""What nodes, the system and the file's reader say in English, put into Chinese as far as it is known.

A node speaks English over the wire, whatever the language of whoever reads it: so its sentences are known by their
form. What is not known stays as it was said.
"""

import re
from collections.abc import Mapping
from typing import Final

PHRASES: Final[Mapping[str, str]] = {
    # of the system
    "Connection refused": "连接被拒绝",
    "Connection reset by peer": "连接被对方重置",
    "Connection timed out": "连接超时",
    "Network is unreachable": "网络不可达",
    "No route to host": "没有到主机的路由",
    "Broken pipe": "连接已断开",
    "Name or service not known": "域名无法解析",
    "Temporary failure in name resolution": "域名解析暂时失败",
    "No such file or directory": "文件或目录不存在",
    "No space left on device": "磁盘已满",
    "Permission denied": "没有权限",
    "certificate has expired": "证书已过期",
    "certificate is not yet valid": "证书尚未生效",
    # of programs that send alerts
    "ended with {number}": "退出码为 {number}",
    "has not ended within {number} s": "{number} 秒内没有结束",
    "cannot be run: {text}": "无法运行：{text}",
    # of carriers
    "no answer along {name} within {number} s": "{name} 在 {number} 秒内没有应答",
    "the other end has gone": "对方已断开",
    "silent": "没有任何回音",
    "not needed": "不再需要",
    "its session is over": "会话已结束",
    "removed from the file": "已从文件中删除",
    "nothing is sent over it": "没有数据走它",
    "not wanted any more": "不再需要",
    "their carrier was lost": "承载连接中断",
    # of nodes
    "{node} cannot dial {line}: {text}": "{node} 无法连接线路 {line}：{text}",
    "{node} is shutting down": "{node} 正在停机",
    'the other end is "{found}", and not "{wanted}"': "对方是 {found}，而不是 {wanted}",
    "the certificate of the other end has not exactly one name": "对方证书中的名称不是恰好一个",
    "{node} is not an ingress in the file of {other}": "在 {other} 的文件中，{node} 不是入口",
    "{node} has {what} paths.toml (serial {theirs}, here {ours}): update {behind}": (
        "{node} 的 paths.toml 版本不同（其 serial 为 {theirs}，本机为 {ours}）：请更新 {behind}"
    ),
    "{node} has another paths.toml {which}: bring it the right one and raise `serial`": (
        "{node} 的 paths.toml 不一样：请换上正确的文件，并调大 `serial`"
    ),
    "{node} speaks version {ours}, {other} version {theirs}: update {behind}": (
        "{node} 支持版本 {ours}，{other} 支持版本 {theirs}：请更新 {behind}"
    ),
    "{node}: {text}": "{node}：{text}",
    # of this process
    "the certificate of {node} ends on {day}; run `ingress keys --renew {name}`": (
        "{node} 的证书将于 {day} 到期；请执行 `ingress keys --renew {name}`"
    ),
    "the certificate of {node} ended on {day}; run `ingress keys --renew {name}`": (
        "{node} 的证书已于 {day} 到期；请执行 `ingress keys --renew {name}`"
    ),
    "memory is short: {used} of {limit} MiB are taken by windows that have grown; {count} streams that nobody reads "
    "hold {held} MiB": (
        "内存紧张：扩大的窗口占用了 {limit} MiB 中的 {used} MiB；{count} 条无人读取的连接占着 {held} MiB"
    ),
    "the kernel holds {used} of {limit} MiB for the TCP of all programs here: {advice}": (
        "内核为本机所有程序的 TCP 占用了 {limit} MiB 中的 {used} MiB：缓冲区会收缩，达到上限时连接会被重置；"
        "用 ss -tmp 查看是谁占用的，上限是 sysctl net.ipv4.tcp_mem"
    ),
    # of rules
    "rule {number} (line {line})": "规则 {number}（第 {line} 行）",
    "rule {name}": "规则 {name}",
}
"""English and Chinese, with placeholders of the same names; the first that fits counts."""
_NAME: Final = re.compile(r"\\{(\w+)\\}")
_WORD: Final = frozenset({"node", "line", "other", "name", "number", "found", "wanted", "behind", "day"})
"""Placeholders that stand for one word. The others take what there is, and are put into Chinese themselves."""
LONGEST: Final = 1000
"""Characters beyond which a text is nobody's sentence."""


def _form(phrase: str) -> "re.Pattern[str]":
    def group(name: "re.Match[str]") -> str:
        return rf"(?P<{name[1]}>\S+?)" if name[1] in _WORD else rf"(?P<{name[1]}>.+)"

    return re.compile(_NAME.sub(group, re.escape(phrase)), re.DOTALL)


_KNOWN: Final = [(_form(phrase), chinese) for phrase, chinese in PHRASES.items() if "{" in phrase]


def translate(text: str) -> str:
    """*text* in Chinese, or as it is."""
    if text in PHRASES:
        return PHRASES[text]
    for form, chinese in _KNOWN if len(text) <= LONGEST else ():
        found = form.fullmatch(text)
        if found is not None:
            return chinese.format(
                **{name: part if name in _WORD else translate(part) for name, part in found.groupdict().items()}
            )
    return text
