"""What a compiled BPF object declares extern: does the running kernel have it?"""

from __future__ import annotations

from collections.abc import Iterator

from bpfdoctor.api import ByHand, Context, Finding, Status
from bpfdoctor.api import check, failed, passed, unknown
from bpfdoctor.api import bpf, files, kernel, objects

LIBBPFS = ("LINUX_KERNEL_VERSION", "LINUX_HAS_BPF_COOKIE", "LINUX_HAS_SYSCALL_WRAPPER")
"""Options whose value libbpf itself finds out (libbpf 1.1)."""

READ_BY_LIBBPF = ("/boot/config-", "/proc/config.gz")
"""Where libbpf reads the kernel's configuration (bpf_object__read_kconfig_file)."""

Verdict = tuple[Status, str]
"""What is known of one name, and the sentence about it."""

WELL: Verdict = (Status.PASS, "")


@check("object.externs", title="what it takes from the kernel")
def object_externs(context: Context) -> Iterator[Finding]:
    """Whether the kernel has each function, variable and option that the object declares extern.

    libbpf looks for functions and typed variables (`__ksym`) in the BTF of the kernel and of its
    modules, and for options (`__kconfig`) in its configuration, /boot/config-RELEASE or
    /proc/config.gz. What is not declared `__weak` must be there, and an option's value must fit
    its type, or nothing of the object is loaded.
    """
    for each in objects.objects_of(context):
        yield _of_object(context, each)


def _of_object(context: Context, each: objects.SeenObject) -> Finding:
    found, seen, about = each.facts, each.seen, each.judged.program
    if not (found.kernel_btf or found.alone) and any(map(_by_btf, found.externs)):
        return bpf.without_btf(context, "kernel.btf", about, loads=False)
    if found.alone and (untold := [e for e in found.externs if _by_btf(e) and not e.weak]):
        return objects.not_compared(", ".join(each.name for each in untold), about, seen)
    verdicts = [_judged(context, extern) for extern in found.externs]
    wrong = [sentence for status, sentence in verdicts if status is Status.FAIL]
    if wrong:
        weak = [ByHand("Declare __weak, and ask before using it, what the program can do without.")]
        return failed("; ".join(wrong), about=about, seen=seen, fixes=weak)
    left = [sentence for status, sentence in verdicts if status is Status.UNKNOWN]
    if left:
        return unknown("; ".join(left), about=about, seen=seen, fixes=list(_looking(found.externs)))
    return passed(f"{len(found.externs)} names, all known", about=about, seen=seen)


def _by_btf(extern: objects.Extern) -> bool:
    """libbpf looks for it in the kernel's BTF."""
    return extern.sort in ("function", "variable")


def _judged(context: Context, extern: objects.Extern) -> Verdict:
    if not extern.sort:
        return Status.FAIL, f"the object's BTF does not say what {extern.name} is"
    if extern.sort == "option":
        return _option(context, extern)
    if (
        extern.weak
        and not extern.known
        and extern.sort != "symbol"
        and not bpf.modules_are_read(context)
    ):
        return Status.UNKNOWN, f"{extern.name}: {bpf.BTF_OF_MODULES}"
    if extern.weak or (extern.known and extern.sort == "function"):
        return WELL
    if extern.known or extern.sort == "symbol":
        return _symbol(context, extern)
    return _absent(context, extern)


def _symbol(context: Context, extern: objects.Extern) -> Verdict:
    """libbpf looks a name of no type up in the kernel's table, the verifier a typed variable."""
    listed = context.ask(kernel.AskData((extern.name,)))
    if not isinstance(listed, kernel.Symbols):
        return Status.UNKNOWN, f"whether the kernel has a symbol {extern.name} is not known"
    if listed.present:
        return WELL
    return Status.FAIL, f"the kernel's table of symbols has no {extern.name}"


def _absent(context: Context, extern: objects.Extern) -> Verdict:
    """What the kernel's own BTF lacks may be in that of a module, if there is such a symbol."""
    lost = f"this kernel has no {extern.sort} {extern.name}"
    name = extern.plain_name
    symbols = context.ask(kernel.AskSymbols((name,))) if extern.sort == "function" else None
    if isinstance(symbols, kernel.Symbols) and not symbols.present:
        return Status.FAIL, lost
    listed = context.ask(files.List("/sys/kernel/btf"))
    if isinstance(listed, files.Names) and set(listed.names) <= {"vmlinux"}:
        return Status.FAIL, f"{lost} in its BTF"
    return Status.UNKNOWN, f"{extern.sort} {extern.name} is not in the kernel's own BTF"


def _option(context: Context, extern: objects.Extern) -> Verdict:
    """From libbpf's bpf_object__resolve_externs: what it fills in, and from where."""
    name = extern.name
    if name in LIBBPFS or (name.startswith("LINUX_") and extern.weak):
        return WELL
    if not name.startswith("CONFIG_"):
        return Status.FAIL, f"libbpf fills in nothing for {name}"
    answer = context.ask(kernel.Option(name))
    if isinstance(answer, kernel.KernelOption):
        return _set(extern, answer)
    if answer.absent:
        return Status.FAIL, f"there is no kernel configuration to read {name} from"
    return Status.UNKNOWN, f"{name} cannot be read: {answer.reason}"


def _set(extern: objects.Extern, answer: kernel.KernelOption) -> Verdict:
    if not answer.path.startswith(READ_BY_LIBBPF):
        return Status.FAIL, f"libbpf does not read {answer.path}, where {extern.name} is"
    if answer.value == "n" and not extern.weak:
        return Status.FAIL, f"this kernel is built without {extern.name}"
    if answer.value == "n" or _fits(extern, answer.value):
        return WELL
    kind = extern.type or "value of its type"
    return Status.FAIL, f"{extern.name}={answer.value} is no {kind}"


def _fits(extern: objects.Extern, value: str) -> bool:
    """Whether an option's value can be stored in the variable, as libbpf's set_kcfg_value_* do."""
    if value in ("y", "m"):
        return extern.type in ("tristate", "char") or (extern.type == "bool" and value == "y")
    if value.startswith('"'):
        return extern.type == "string"
    try:
        number = int(value, 0)
    except ValueError:
        return False
    return extern.type in ("int", "char", "bool") and -extern.most <= number <= extern.most


def _looking(externs: tuple[objects.Extern, ...]) -> Iterator[ByHand]:
    """The commands that would tell."""
    symbols = [each.name for each in externs if each.sort == "symbol" and not each.weak]
    if symbols:
        yield ByHand(f"grep -wE '{'|'.join(symbols)}' /proc/kallsyms")
    yield bpf.LOAD_ALL
