# SPDX-License-Identifier: MIT
# Debian's packages as they are shipped: the shells and the tools, linked with glibc.

#: bash: arrays, arithmetic, strings, here strings
bash -c 'a=(one two three); a[5]=six; echo ${#a[@]} ${!a[@]} ${a[-1]}; declare -A m=([k]=v [l]=w); for k in "${!m[@]}"; do echo $k=${m[$k]}; done | sort; x=Hello; echo ${x^^} ${x,,} ${x:1:3} ${x//l/L}; cat <<< "here $((2**40))"; [[ abc123 =~ ([a-z]+)([0-9]+) ]] && echo ${BASH_REMATCH[1]} ${BASH_REMATCH[2]}; printf "%q %(%Y)T\n" "a b" 0; echo {1..5} {a,b}{1,2}' 2>&1
#: bash: process substitution, coprocesses, jobs, traps
bash -c 'diff <(seq 3) <(seq 2 4); coproc cat; echo hello >&${COPROC[1]}; read -u ${COPROC[0]} x; echo $x; exec {fd}> f; echo $((fd >= 10)); echo data >&$fd; cat f; trap "echo exit" EXIT; (sleep 0.2; exit 3) & wait $!; echo $?; sleep 9 & kill %1; wait %1; echo $?; set -o pipefail; false | true; echo $?; mapfile -t m < <(seq 3); echo ${m[2]}; time -p true' 2>&1 | sed 's/[0-9]\.[0-9]*/TIME/'
#: bash: a job under job control
bash -c 'set -m; sleep 5 & kill -STOP %1; sleep 0.2; jobs; kill -CONT %1; jobs; kill %1; wait; jobs; echo end' 2>&1
#: bash: limits, random, umask, exec -a, ulimit
bash -c 'ulimit -Sn 50; ulimit -n; (exec -a other sh -c "echo \$0"); umask 077; touch f; stat -c %a f; [ $RANDOM != $RANDOM ] && echo r; echo $BASHPID $$ | awk "{ print \$1 == \$2 }"; enable -n echo; echo external; exit 9'
#: bash-static, dash: the other shells
bash-static -c 'echo $((6 * 7)); for i in a b; do echo $i; done; cat <(echo sub)'; dash -c 'x=1; while [ $x -lt 4 ]; do echo $x; x=$((x + 1)); done; f() { return 5; }; f; echo $?; echo "$0" $#' d a
#: ls, cp, mv, rm, ln, mkdir, touch, chmod: coreutils on files
mkdir -p a/b; echo 1 > a/f; ln -s f a/l; cp -a a c; ls -lR --time-style=+T c | grep -v total; mv c d; ls -1 --color=never d; ln a/f a/h; stat -c '%h %a %s %F %N' a/f a/l a/b; rm -rfv d | sort; chmod -v u=rwx,go= a/f; touch -d '2001-02-03 04:05:06 UTC' a/f; ls -l --time-style=full-iso a/f; cp -v --preserve=all a/f g; install -D -m 750 g x/y/z; stat -c %a x/y/z; mktemp -d tXXXX | wc -c; truncate -s 1M s; du -k --apparent-size s; du -k s; readlink -f a/l; realpath --relative-to=a x/y; rmdir a 2>&1; cp --reflink=auto g r; cp --sparse=always s s2; cmp s s2 && echo same
#: sort, uniq, cut, tr, join, comm, paste, split, csplit, fmt, pr: coreutils on text
seq 200 | sort -R | sort -n | tail -n 1; seq 100000 | sort -S 1M -r | head -n 1; sort --parallel=2 -u <(echo) 2>/dev/null; printf 'b\na\nb\n' | sort | uniq -c; echo a:b:c | cut -d: -f2 --complement; printf '1 a\n2 b\n' > x; printf '1 c\n2 d\n' > y; join x y; comm <(seq 3) <(seq 2 4) 2>/dev/null; paste -d+ x y; seq 10 | split -l 4 - part; ls part*; wc -l part*; csplit -s x 2; cat xx01; seq 30 | fmt -w 40; seq 6 | pr -3 -t -l 2; tac x; nl x; seq 5 | shuf --random-source=/dev/zero; head -c 20 /dev/zero | tr '\0' z; echo; expand <(echo) 2>/dev/null; fold -w 3 <<E
abcdefg
E
#: cksum, md5sum, b2sum, sha256sum, base32, base64, od, factor, numfmt, seq: coreutils on numbers
seq 1000 > f; cksum f; md5sum f; sha1sum f; sha512sum f; b2sum f; sum f; cksum -a sha256 f; base32 <<< hello; basenc --base16 <<< hello; base64 f | base64 -d | cmp - f && echo same; od -An -tx1z -N 16 f; factor 18446744073709551615; numfmt --to=iec 123456789; seq -f %03g 3; expr 2 + 3; printf '%s %5.2f %q\n' a 3.14159 'x y'; echo 3 1 2 | tsort 2>&1 | head -n 1; test 1 -lt 2 && echo yes; md5sum f | md5sum -c
#: date, sleep, timeout, nice, nohup, env, id, tee, yes: coreutils on processes
TZ=Europe/Berlin date -d @1700000000 -u; date -u -d '2024-02-30' 2>&1; sleep 0.1; timeout 0.3 sleep 9; echo $?; timeout -s INT --preserve-status 0.3 sleep 9; echo $?; nice; nice -n 7 nice; nohup echo x < /dev/null 2>&1 | cat; env -i A=1 env; env -S 'echo split args'; id; groups; whoami; logname; tty; echo x | tee a > b; cmp a b && echo same; yes | head -n 1; nproc; nproc --all; arch | wc -w; uname -s; hostid; users; who; pinky 2>&1 | head -n 1; stdbuf -oL echo line; stdbuf -o0 seq 2; kill -l TERM; env kill -l 9; pathchk -p 'a b'; printenv HOME; dircolors -b | wc -l; sync; df --output=target / | tail -n 1
#: nice, renice: priorities
nice; nice -n 5 nice; nice nice; nice -n 19 nice; nice -n 30 nice; nice -n -5 nice; sleep 92 & renice -n 7 -p $! | sed 's/^[0-9]*/PID/'; awk '{ print $18, $19 }' /proc/$!/stat; nice no-such; echo $?
#: flock: locks
flock f echo held; flock f sh -c 'flock -n f echo no; echo $?'; flock -n f true; echo $?; flock -s f flock -s -n f echo shared; exec 8> h; flock 8; flock -n h true; echo $?; flock -u 8; flock -n h true; echo $?; (flock 7; sleep 0.5; echo first) 7> k & sleep 0.2; flock k echo second; flock -w 0.2 -E 7 8 2>/dev/null; flock 8; flock -w 0.2 -E 7 h true; echo $?
#: chrt, taskset, setsid, prlimit, setpriv, lscpu: util-linux on processes
chrt -b 0 chrt -p 0 2>&1 | sed 's/pid [0-9]*/pid N/'; chrt -f 10 sh -c 'chrt -p $$' | sed 's/pid [0-9]*/pid N/'; chrt -r 5 sh -c 'chrt -p $$' | sed 's/pid [0-9]*/pid N/'; taskset -c 0 nproc; taskset -p $$ | sed 's/pid [0-9]*/pid N/'; setsid -w sh -c 'exit 3'; echo $?; prlimit --nofile -o SOFT --noheadings; prlimit --nofile=64 sh -c 'ulimit -n'; setpriv --reuid 65534 --regid 65534 --clear-groups id; getopt -o ab: -- -a -b x y; rev <<E
abc
E
#: mount, umount, findmnt, mountpoint: util-linux on mounts
mkdir m; mount -t tmpfs -o size=1m none m; mountpoint m; findmnt -n -o TARGET,FSTYPE,SOURCE m; mount | grep /tmp/w/m | sed 's/,inode64//'; mount -o remount,ro m; touch m/x 2>&1; umount m; mountpoint m; mount --bind /etc m; ls m/passwd; umount m; umount m 2>&1; echo $?
#: findmnt: what of a file system is mounted
#! the root of a bind mount is shown as /
mkdir m; mount --bind /etc m; findmnt -n -o FSROOT m; umount m
#: more, hexdump, column, rev, look, cal, mcookie, uuidgen, namei, whereis: util-linux on text
printf 'a b\nccc d\n' | column -t 2>/dev/null; hexdump -C <<< hello; namei -l usr/bin/env 2>&1 | cut -c 1-10; namei -x /usr/bin/env | cut -c 2-4; echo x | more; wc -c < <(mcookie) 2>/dev/null; fallocate -l 5000 f; stat -c %s f; fincore -n -o PAGES f; getconf PAGESIZE; getconf _NPROCESSORS_ONLN
#: ps: procps
sleep 66 & p=$!; sleep 0.2; ps -o pid=,ppid=,comm=,args=,stat=,ni=,pri=,cls=,nlwp=,tty= -p $p | awk -v p=$p -v me=$$ '{ print ($1 == p), ($2 == me), $3, $4, $5, $6, $7, $8, $9, $10, $11 }'; ps -ef | awk -v p=$p '$2 == p { print $1, $6, $8, $9 }'; ps aux | awk -v p=$p '$2 == p { print $1, $7, $8, $11, $12, ($5 > 0), ($6 > 0) }'; ps -C sleep -o args --no-headers | grep -c 66; ps -eLf | awk -v p=$p '$2 == p { print $6 }'; ps -o uid,gid,euser,egroup,sess,pgid -p $p | awk 'NR == 1 { print $1, $6 } NR == 2 { print $1, $2, $3, $4 }'; ps -p 99999999 -o comm; echo $?; ps -o rss,vsz,pmem,pcpu,time,etime,maj_flt,min_flt,label,wchan -p $p | wc -l; ps f -p $p -o cmd=; ps -e -o pid= | wc -l | awk '{ print ($1 > 3) }'
#: pgrep, pkill, pidof, pwdx, pidwait, skill, snice: procps
sleep 67 & sleep 0.2; pgrep -f 'sleep 67' | wc -l; pgrep -x sleep -l | cut -d ' ' -f 2; pwdx $! | sed 's/^[0-9]*/PID/'; pkill -f 'sleep 67'; wait $!; echo $?; pgrep -x nothing; echo $?; pidof sh | wc -l; pkill -0 init; echo $?; sleep 0.3 & pidwait -f 'sleep 0.3'; echo $?
#: free, uptime, w, vmstat, top, slabtop, sysctl, pmap, watch: procps
free -b | awk '{ print $1, NF }'; uptime | sed 's/[0-9]\+/N/g; s/up .*load/up load/'; w -h; vmstat | head -n 2; vmstat 1 2 | tail -n 1 | wc -w; top -b -n 1 | sed -n '2p' | tr -d '0-9' ; top -b -n 1 | sed -n '7p'; top -b -n 1 -p $$ | tail -n 1 | awk '{ print $2, $3, $8, $12 }'; sysctl kernel.ostype vm.overcommit_memory; pmap $$ | tail -n 1 | cut -d ' ' -f 2; pmap -x $$ | head -n 2 | tail -n 1; pmap $$ | grep -c libc | awk '{ print ($1 > 3) }'; pmap $$ | grep -o -e '\[ stack \]' -e '\[ anon \]' | sort | uniq -c | awk '{ print $2, $3, $4 }'; timeout 1 watch -n 5 -t echo 2>/dev/null; uptime -p | cut -d ' ' -f 1; uptime -s | wc -c; tload -V | cut -c 1-5
#: killall, fuser, pstree, prtstat: psmisc
sleep 68 & sleep 0.2; pstree -A $$ | head -n 1 | cut -c 1-5; killall -v sleep 2>&1 | sed 's/([0-9]*)/(N)/'; wait $!; echo $?; exec 5> f; fuser f 2>/dev/null | wc -w; prtstat $$ | head -n 1 | cut -c 1-9
#: fuser: what it looks at besides
#! no /proc/net
exec 5> f; fuser -v f 2>&1 | awk 'NR == 2 { print $2, $NF }'
#: grep, sed, gawk, mawk: text
printf 'foo bar\nbaz 42\n' > f; grep -P '\d+' f; grep -oE '[a-z]+' f; grep -rn foo .; grep -c '' f; sed -E 's/([a-z]+) ([^ ]+)/\2 \1/' f; sed -n '$p;1l' f; sed -i s/foo/FOO/ f; cat f; sed -s 'F;$!d' f; gawk 'BEGIN { PROCINFO["sorted_in"] = "@ind_num_asc"; a[3]; a[1]; for (i in a) print i; print strftime("%Y", 0, 1), gensub(/a/, "b", "g", "aaa"), toupper("x") } { print NR, $2 }' f; gawk -M 'BEGIN { print 2^200 }'; mawk '{ s += length($0) } END { print s, substr("hello", 2, 3); printf "%5.1f\n", 3.14159 }' f; awk 'BEGIN { while (("seq 3" | getline x) > 0) t += x; print t }'; gawk 'BEGIN { print "b\na" |& "sort"; close("sort", "to"); while (("sort" |& getline x) > 0) print x }'
#: tar, gzip, bzip2, xz, zstd: archives
mkdir -p t/d; seq 3000 > t/f; ln -s f t/l; ln t/f t/h; truncate -s 1M t/sparse; tar --sort=name -cSf a.tar t; tar tvf a.tar | awk '{ print $1, $3, $NF }'; for c in gzip bzip2 xz zstd; do $c -k -c a.tar > a.$c; $c -dc a.$c | cmp - a.tar && echo $c same; tar tf a.$c | wc -l; done; xz -T 2 -k -c t/f | xz -dc | md5sum; zstd -q -T2 -19 -c t/f | zstd -dc | md5sum; mkdir o; tar xf a.xz -C o; diff -r t o/t && echo same; du -k o/t/sparse; gzip -l a.gzip | tail -n 1 | awk '{ print $2 }'; xz -l a.xz | tail -n 1 | awk '{ print $1, $2 }'; tar --zstd -cf b t; tar df a.tar t; echo $?
#: bc, dc, ed, m4, make, diff, patch, less: the rest
echo 'scale=30; 4*a(1)' | bc -l; echo '2^300' | bc; dc -e '3 4 5 * + p 2 100 ^ p'; printf 'a\nx\n.\nw f\nq\n' | ed -s; cat f; echo 'define(x, `y$1')x(3)' 2>/dev/null | m4; printf 'all: a b\n\techo $^\na:\n\ttouch a\nb: a\n\tcp a b\n' > Makefile; make; make -j2 -s all; make nothing; echo $?; seq 5 > x; seq 2 6 > y; diff -u x y | tail -n +3; diff x y > p; patch x p; cmp x y && echo same; diff3 x y x | head -n 2; sdiff -w 20 x y | head -n 1; less x | head -n 1; cmp x no; echo $?
#: find, xargs: findutils
mkdir -p a/b; touch a/f a/b/g; chmod 600 a/f; find a -printf '%P %y %m %s\n' | sort; find a -type f -delete; find a; find a -newermt 2020-01-01 | wc -l; find a -execdir pwd \; | sort -u; find / -xdev -maxdepth 1 -name 'pro*' -fprint o; cat o; seq 5 | xargs -P 3 -n 1 echo | sort; seq 5 | xargs -L 2 echo; find a -empty -ls | wc -l; find /proc/self -maxdepth 1 -name stat*  | sort; find /dev -maxdepth 1 -type c -name null
#: strace: a traced program
strace -o log -e trace=openat,exit_group true; echo $?; grep -c libc.so.6 log; tail -n 1 log
