# SPDX-License-Identifier: MIT
# Debian's interpreters, a compiler, and the dynamic loader.

#: python3: numbers, texts, containers
python3 -c '
import sys, math, json, re, collections, itertools, hashlib, struct, datetime, decimal, fractions, random
print(sys.version_info[:2], sys.byteorder, sys.maxsize, math.factorial(30), 2 ** 200 % 1000007)
print(json.dumps({"a": [1, 2.5, None, True]}), re.sub(r"(\w+) (\w+)", r"\2 \1", "hello world"))
print(collections.Counter("mississippi").most_common(2), list(itertools.permutations("abc"))[3])
print(hashlib.sha256(b"x").hexdigest(), struct.pack("<IhQ", 1, -2, 3).hex(), datetime.datetime(2024, 2, 29).isoformat())
print(decimal.Decimal(1) / 7, fractions.Fraction(3, 12), random.Random(5).random(), sum(i * i for i in range(100000)))'
#: python3: processes, threads, pipes, signals
python3 -c '
import os, subprocess, threading, signal, time, queue, select, socket, mmap, tempfile, resource, fcntl, errno
print(subprocess.run(["sh", "-c", "echo out; exit 3"], capture_output=True))
q = queue.Queue(); ts = [threading.Thread(target=lambda i=i: q.put(i * i)) for i in range(8)]
[t.start() for t in ts]; [t.join() for t in ts]; print(sorted(q.get() for _ in ts))
pid = os.fork()
if not pid: os._exit(7)
print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
got = []; signal.signal(signal.SIGALRM, lambda s, f: got.append(s)); signal.setitimer(signal.ITIMER_REAL, 0.1); time.sleep(0.3); print(got)
a, b = socket.socketpair(); a.send(b"ping"); print(b.recv(9)); r, w = os.pipe(); print(select.select([r], [w], [], 0)[1] == [w])
p = select.epoll(); p.register(r, select.EPOLLIN); os.write(w, b"x"); print(p.poll(1)[0][1])
f = tempfile.TemporaryFile(); f.truncate(8192); m = mmap.mmap(f.fileno(), 8192); m[5] = 65; m.flush(); f.seek(5); print(f.read(1))
s = socket.socket(socket.AF_UNIX); s.bind("sock"); s.listen(); c = socket.socket(socket.AF_UNIX); c.connect("sock"); d, _ = s.accept(); c.sendall(b"hi"); print(d.recv(5))
print(resource.getrlimit(resource.RLIMIT_CORE), os.sysconf("SC_PAGESIZE"), os.cpu_count() == len(os.sched_getaffinity(0)))
try: os.open("/no", 0)
except OSError as e: print(e, e.errno == errno.ENOENT)
print(os.stat("/etc").st_mode, os.listdir("/proc/self/task") == [str(os.getpid())], os.get_terminal_size.__name__, os.memfd_create("x") > 2)'
#: python3: files and folders
python3 -c '
import os, shutil, pathlib, glob, zipfile, tarfile, io, stat, csv, pickle, zlib
p = pathlib.Path("d/e"); p.mkdir(parents=True); (p / "f").write_text("text\n"); os.symlink("f", p / "l"); os.link(p / "f", p / "h")
print(sorted(glob.glob("d/**", recursive=True)), (p / "l").resolve(), (p / "f").stat().st_nlink)
shutil.copytree("d", "c", symlinks=True); print(sorted(os.listdir("c/e"))); shutil.make_archive("z", "zip", "d"); print(sorted(zipfile.ZipFile("z.zip").namelist()))
print(len(zlib.compress(b"a" * 10000)), pickle.loads(pickle.dumps({1: [2]})), [e.name for e in os.scandir("d")], stat.filemode(os.stat("d").st_mode))
os.rename("c", "g"); shutil.rmtree("g"); print(os.path.exists("g")); fd = os.open("x", os.O_RDWR | os.O_CREAT); os.pwrite(fd, b"abc", 5); print(os.pread(fd, 10, 0), os.lseek(fd, 0, os.SEEK_END)); os.sendfile(1, fd, 5, 3); print(); print(os.statvfs("/").f_namemax)'
#: python3: many processes share work
python3 -c '
import multiprocessing.shared_memory, os
s = multiprocessing.shared_memory.SharedMemory(create=True, size=100)
if not os.fork(): s.buf[3] = 9; os._exit(0)
os.wait(); print(s.buf[3]); s.close(); s.unlink()' 2>&1 | tail -n 1
#: perl: a language
perl -e 'my %h = (a => 1, b => 2); print join(",", map { "$_=$h{$_}" } sort keys %h), "\n"; $_ = "hello world"; s/(\w+)/\u$1/g; print "$_\n"; printf "%.3f %s\n", atan2(1, 1) * 4, sprintf("%b", 10); print `echo sub`; my $p = fork; if (!$p) { exit 4 } waitpid $p, 0; print $? >> 8, "\n"; open my $f, ">", "f"; print $f "line\n" x 3; close $f; print -s "f", "\n"; local $SIG{ALRM} = sub { print "alarm\n" }; alarm 1; select undef, undef, undef, 2; my @s = sort { $b <=> $a } 1 .. 5; print "@s\n"; pipe my $r, my $w; syswrite $w, "x"; sysread $r, my $b, 1; print "$b\n"; kill 9, $$ if 0; print "$0 $]\n"; eval { die "dead\n" }; print $@'
#: lua: a language
lua -e 'local t = {} for i = 1, 10 do t[#t + 1] = i * i end print(table.concat(t, " "), _VERSION, 7 // 2, 1 << 40, string.format("%q", "a\nb")) print(string.gsub("hello", "l", "L")) local c = coroutine.wrap(function() for i = 1, 3 do coroutine.yield(i) end end) print(c(), c(), c()) print(pcall(error, "x")) for l in io.popen("seq 2"):lines() do print(l) end os.exit(5)'
#: sqlite3: a database in a file
sqlite3 db 'create table t(a integer primary key, b text); begin; with recursive n(i) as (select 1 union all select i + 1 from n where i < 2000) insert into t select i, "row" || i from n; commit; create index x on t(b); select count(*), sum(a), max(b) from t;'; sqlite3 db 'select * from t where b = "row77"; pragma integrity_check; pragma journal_mode = wal; insert into t values (null, "last"); select * from t order by a desc limit 1; vacuum; select count(*) from t'; sqlite3 -json db 'select a from t limit 2'; ls db*; (sqlite3 db 'begin exclusive; select 1;' '.shell sqlite3 db "insert into t values (null, 1)"') 2>&1; stat -c %s db
#: tcc: a program compiled, linked and run
cat > a.c <<C
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <sys/wait.h>
int main(int argc, char **argv) { char *p = malloc(1 << 20); memset(p, 'x', 1 << 20); if (!fork()) _exit(6); int s; wait(&s); printf("%d %s %d %c\n", argc, argv[1], WEXITSTATUS(s), p[99999]); return 3; }
C
tcc -o a a.c; ./a arg; echo $?; tcc -run a.c run; echo $?; tcc -c a.c; ls a.o; echo 'int main(void) { return x; }' | tcc -o b - ; echo $?
#: tcc, sh: LD_PRELOAD puts a function in front
printf '#include <unistd.h>\nint puts(const char *s) { write(1, "mine\\n", 5); return 0; }\nunsigned getuid(void) { return 77; }\n' > l.c; tcc -shared -o l.so l.c; printf '#include <stdio.h>\n#include <unistd.h>\nint main(void) { puts("plain"); fflush(0); printf("%%d\\n", (int)getuid()); return 0; }\n' > p.c; tcc -o p p.c; ./p; LD_PRELOAD=./l.so ./p; LD_PRELOAD=./no.so ./p; LD_PRELOAD=/tmp/w/l.so id -ru; env LD_PRELOAD=/tmp/w/l.so python3 -c 'import os; print(os.getuid())'
#: bash, grep: lazy and early binding
for bind in '' 1; do LD_BIND_NOW=$bind bash -c 'echo $((1 + 1)); printf "%s\n" x | cat'; done; LD_DEBUG=statistics true 2>&1 | grep -c 'number of relocations:'; LD_DEBUG=bindings true 2>&1 | grep -c "symbol .malloc'" | awk '{ print ($1 > 0) }'; ldd /usr/bin/true 2>&1 | grep -c libc.so.6; LD_TRACE_LOADED_OBJECTS=1 /bin/true | grep -c libc
#: grep, awk: relocations are read only when a program runs
awk '$NF ~ /libc.so.6/ && $2 != "---p" { print $2 }' /proc/self/maps | sort | uniq -c | awk '{ print $2, ($1 > 0) }'; grep -c 'r--p.*ld-linux' /proc/self/maps | awk '{ print ($1 > 0) }'; awk '$NF ~ /awk/ { print $2 }' /proc/self/maps | sort -u; grep -c -e '\[stack\]' -e '\[heap\]' -e '\[vdso\]' /proc/self/maps; grep '\[stack\]' /proc/self/maps | cut -d ' ' -f 2; grep -c 'rwx' /proc/self/maps
#: sh: the loader run by hand, and a program without one
ld=$(ls /lib/*/ld-linux-* | head -n 1); $ld /bin/echo by hand; $ld --list /bin/true | grep -c libc; $ld /no/such; echo $?; $ld --library-path /none /bin/true 2>&1 | grep -c libc.so.6 ; PATH=/none $ld /bin/true; echo $?; /usr/bin/env -i /bin/echo none
#: dynamic: programs linked with musl
/world/dynamic/hello a b; echo $?; LD_PRELOAD=/world/dynamic/front.so /world/dynamic/hello; LD_BIND_NOW=1 /world/dynamic/hello c; ls /lib/ld-musl-* | wc -l
#: getent, iconv, getconf, locale: glibc's own
getent passwd root; getent group tty; getent hosts localhost; echo $?; printf 'h\303\251\n' | iconv -f UTF-8 -t LATIN1 | od -An -tx1; locale -a | sort; getconf LONG_BIT; getconf GNU_LIBC_VERSION; getconf ARG_MAX
