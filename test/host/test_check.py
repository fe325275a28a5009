# SPDX-License-Identifier: MIT
"""tools/check finds what it is there for, and nothing else, in a small tree."""

import shutil
import subprocess

import pytest

from boards import ROOT

SPDX = "// SPDX-License-Identifier: MIT\n"
DOC = "<!-- SPDX-License-Identifier: MIT -->\n"
GOOD = {
    "mm/page.c": SPDX + '#include "mm/page.h"\n#include <pte.h>\n\nint f(int a)\n{\n\treturn a;\n}\n',
    "mm/page.h": SPDX + '#include "lib/base.h"\n#include "arch/arch.h"\nint g(void);\n#define H(x) x\n',
    "arch/one/arch.mk": "# SPDX-License-Identifier: MIT\n",
    "arch/two/arch.mk": "# SPDX-License-Identifier: MIT\n",
    "arch/one/pte.h": SPDX,
    "arch/two/pte.h": SPDX,
    "arch/one/gic.h": SPDX,
    "arch/one/trap.c": SPDX + '#include "gic.h"\n#include "mm/vm.h"\n#ifdef __aarch64__\n#endif\n',
    "user/x.c": SPDX + "#ifdef __x86_64__\n#endif\n",
    "README.md": DOC + """See `mm/page.c`, `mm/`, `mm/p*.h`, `page.h`, [a page](doc/tour.md), `/proc/self`, `tools/run --fast mm/page.c`, `int a;`.
""",
    "doc/tour.md": DOC + """`mm/page.c: f(), a`, `mm/page.h: g(), H()`, `sys/x.c: sys_clone()`, `arch/one/e.S: enter(), out`, `f()`.

    `mm/gone.c` in an example is none of our business
""",
    "arch/one/e.S": SPDX + "func enter\nout:\n",
    "sys/x.c": SPDX + "SYSCALL(clone)\n{\n}\n",
    "tools/run": "#!/bin/sh\n# SPDX-License-Identifier: MIT\n",
}
BAD = {
    "goes up": ("mm/a.c", SPDX + '#include "proc/task.h"\n'),
    "headers of one CPU": ("mm/a.c", SPDX + '#include "arch/one/gic.h"\n'),
    "<gic.h>: headers of one CPU": ("fs/a.c", SPDX + "#include <gic.h>\n"),
    "not written from the root": ("mm/a.c", SPDX + '#include "page.h"\n'),
    "#if on the CPU": ("dev/a.c", SPDX + "#if defined(__x86_64__)\n#endif\n"),
    "no typedef": ("lib/a.h", SPDX + "typedef struct a a_t;\n"),
    "first line is not": ("tools/a", "#!/bin/sh\necho\n"),
    "blanks at the end": ("lib/a.c", SPDX + "int a; \n"),
    "a file has at most": ("lib/a.c", SPDX + "int a;\n" * 500),
    "g: 71 lines": ("lib/a.c", SPDX + "int g(void)\n{\n" + "\ta();\n" * 68 + "}\n"),
    "no mm/gone.c": ("doc/a.md", DOC + "`mm/gone.c`\n"),
    "no mm/gone*.c": ("README.md", DOC + "`mm/gone*.c`\n"),
    "no gone.c": ("doc/a.md", DOC + "`gone.c`\n"),
    "no tools/gone": ("doc/a.md", DOC + "`tools/gone --all`\n"),
    "no gone()": ("doc/a.md", DOC + "`gone()`\n"),
    "no a() in mm/page.c": ("doc/a.md", DOC + "`mm/page.c: f(), a()`\n"),
    "no gone in mm/page.c": ("doc/a.md", DOC + "`mm/page.c: gone`\n"),
    "no out() in mm/page.c": ("doc/a.md", DOC + "`mm/page.c: out()`\n"),
    "no mm/g.c": ("doc/a.md", DOC + "`mm/g.c: f()`\n"),
    "no gone.md": ("doc/a.md", DOC + "[gone](gone.md)\n"),
}


@pytest.fixture
def tree(tmp_path):
    (tmp_path / "tools").mkdir()
    shutil.copy(f"{ROOT}/tools/check", tmp_path / "tools/check")
    subprocess.run(["git", "init", "-q", tmp_path], check=True)
    for path, text in GOOD.items():
        put(tmp_path, path, text)
    return tmp_path


def put(tree, path, text):
    (tree / path).parent.mkdir(parents=True, exist_ok=True)
    (tree / path).write_text(text)


def check(tree):
    done = subprocess.run([tree / "tools/check"], capture_output=True, text=True)
    return done.returncode, done.stdout


def test_a_good_tree_passes(tree):
    status, text = check(tree)
    assert status == 0 and " 0 failures" in text, text


@pytest.mark.parametrize("words", BAD)
def test_a_mistake_is_found(tree, words):
    put(tree, *BAD[words])
    status, text = check(tree)
    assert status == 1 and words in text and " 1 failures" in text, text
