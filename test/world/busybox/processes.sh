# SPDX-License-Identifier: MIT
# Processes: seen, signalled, timed, scheduled.

#: ps: columns of a known process
sleep 77 & sleep 0.3; ps -o pid,ppid,comm,args,stat | awk -v p=$! -v me=$$ '$1 == p { print ($2 == me), $3, $4, $5, $6 }'; ps -o pid,pgid,tty,vsz,nice,rgroup,ruser,user,group | awk -v p=$! '$1 == p { print ($2 > 1), $3, ($4 > 0), $5, $6, $7, $8, $9 }'; ps | awk -v p=$! '$1 == p { print $2, $3, $4 }'; ps -T | awk -v p=$! '$1 == p { print $2, $3, $4 }'; ps -o none; echo $?
#: top: one picture
sleep 78 & sleep 0.3; top -b -n 1 | awk -v p=$! '/^Mem:/ { print $1, ($2 + 0 > 0) } /^CPU:/ { print $1 } /^Load/ { print $1, NF } $1 == "PID" { print $1, $2, $3 } $1 == p { print $4, $3, $NF, $(NF - 1) }'
#: top, awk: memory by process
sleep 79 & sleep 0.3; top -b -m -n 1 | awk -v p=$! '$1 == "PID" { print $2, $3, $4 } $1 == p { print ($2 + 0 > 0), $NF }'
#: kill: signals by number and name
exec 3>&2 2> /dev/null
sleep 80 & kill $!; wait $!; echo $?; sleep 80 & kill -9 $!; wait $!; echo $?; sleep 80 & kill -s HUP $!; wait $!; echo $?; sleep 80 & kill -STOP $!; sleep 0.1; awk '{ print $3 }' /proc/$!/stat; kill -CONT $!; sleep 0.1; awk '{ print $3 }' /proc/$!/stat; kill -0 $!; echo $?; kill -INT $!; kill $!; wait $!; echo $?; kill -0 $! 2>/dev/null; echo $?
exec 2>&3
kill -l | head -n 3; kill -l 15; kill -l TERM; kill -NOSUCH 1; echo $?; kill 99999999; echo $?; env kill -0 $$; echo $?
#: killall, pidof: processes by name
mkdir x; cp /bin/busybox x/tac; mkfifo p; x/tac p & x/tac p & sleep 0.3; pidof tac | wc -w; pidof -s tac | wc -w; pidof nobody-here; echo $?; killall tac; wait; echo $?; pidof tac; echo $?; killall nobody-here; echo $?; killall -q nobody-here; echo $?; killall -l | wc -l; killall -0 init; echo $?
#: time: what a command took
time -f '%C %x' true; time -f '%x' sh -c 'exit 3'; echo $?; time -f '%E %e' sleep 0.1 2>&1 | sed 's/[0-9]/N/g'; time -p true 2>&1 | sed 's/[0-9]/N/g'; time -f '%c %w %W %t' true 2>&1 | wc -w; time -f '%F %R' true 2>&1 | awk '{ print ($2 > 10) }'; time -o o -f %x false; cat o
#: time: the most memory that was in use
time -f '%M' true 2>&1 | awk '{ print ($1 > 0) }'
#: timeout: commands cut short
timeout 0.2 sleep 5; echo $?; timeout 5 true; echo $?; timeout -s KILL 0.2 sleep 5; echo $?; timeout 5 sh -c 'exit 9'; echo $?; timeout 5 no-such; echo $?; timeout -k 0.2 0.2 sh -c 'trap "" TERM; sleep 3'; echo $?
#: watch: a command again and again
timeout 2 watch -n 5 -t echo tick > o 2>&1; tr -d '\033' < o | grep -c tick
#: setsid, tty: sessions
setsid sh -c 'awk "{ print (\$1 == \$5), (\$1 == \$6), \$7 }" /proc/$$/stat'; setsid true; echo $?; setsid no-such; echo $?; sh -c 'awk "{ print (\$1 == \$6) }" /proc/$$/stat'; tty; echo $?; tty -s; echo $?
#: kill, sh: hangups
(trap '' HUP; sleep 1; echo survived) & sleep 0.5; kill -HUP $!; wait $!; echo $?; sh -c 'trap "echo hup; exit 4" HUP; kill -HUP $$; echo not'; echo $?
#: renice: priorities
sleep 92 & renice -n 7 -p $!; awk '{ print $18, $19 }' /proc/$!/stat; renice 3 $!; awk '{ print $18, $19 }' /proc/$!/stat; renice -n 1 -p 99999999; echo $?; (renice -n 4 -p $(sh -c 'echo $PPID'); awk '{ print $19 }' /proc/self/stat)
#: ionice: priorities of input and output
#! there are none: ioprio_get and ioprio_set return ENOSYS
ionice; ionice -c 3 ionice; ionice -c 2 -n 5 ionice; ionice -p $$; true
#: taskset, nproc: CPUs
taskset -p $$ | sed 's/pid [0-9]*/pid N/'; taskset 1 sh -c 'taskset -p $$' | sed 's/pid [0-9]*/pid N/'; taskset -c 0 nproc; nproc; nproc --all; taskset 1 grep Cpus_allowed_list /proc/self/status; taskset 80 true; echo $?; taskset -p 99999999; echo $?
#: start-stop-daemon: a daemon's life
start-stop-daemon -S -b -m -p pid -x /bin/sleep -- 95; sleep 0.3; [ -s pid ] && echo written; start-stop-daemon -S -p pid -x /bin/sleep -- 95; echo $?; kill -0 $(cat pid); echo $?; start-stop-daemon -K -p pid | sed 's/[0-9][0-9]*/N/'; sleep 0.2; kill -0 $(cat pid) 2>/dev/null; echo $?; start-stop-daemon -K -p pid 2>&1 | sed 's/[0-9][0-9]*/N/'; start-stop-daemon -K -q -t -p pid 2>/dev/null; echo $?
#: run-parts: a folder of scripts
mkdir d; for i in 2 1 3; do printf '#!/bin/sh\necho %s $1\n' $i > d/s$i; chmod +x d/s$i; done; echo x > d/not-executable; run-parts d; run-parts --test d; run-parts -a arg d; printf '#!/bin/sh\nexit 7\n' > d/s2; run-parts d; echo $?; run-parts --exit-on-error d; echo $?; run-parts no; echo $?
#: usleep, sleep: time passes
a=$(date +%s); usleep 300000; sleep 0.2; sleep 1; b=$(date +%s); echo $(( b - a >= 1 )); sleep x; echo $?; sleep 0; echo $?; sleep 0.1 0.1; echo $?
#: env: environments
env -i A=1 B='x y' env; env -u HOME sh -c 'echo "${HOME-unset}"'; A=1 env | grep ^A; env -i sh -c 'echo $PATH'; env no-such; echo $?; env - true; echo $?; env -0 -i A=b env | tr '\0' '|'
#: logname, whoami, id, groups, who, w: who one is
whoami; id; id -u; id -un; id -g; id -G; id nobody; id no-one; echo $?; groups; logname; echo $?; who; w 2>&1 | wc -l; id -Gn root
#: setpriv, su: other owners
setpriv --dump | grep -v -i -e securebits -e cap; setpriv --nnp grep NoNewPrivs /proc/self/status; su nobody -s /bin/sh -c 'id; touch /etc/x; echo $?; cat /etc/shadow; echo $HOME; kill -0 1; echo $?; chown 0 /tmp; echo $?'; su -s /bin/sh -c 'echo $0 $1' root a b; su no-one; echo $?
#: chroot: another root
mkdir -p r/bin r/d; cp /bin/busybox r/bin/; ln -s busybox r/bin/sh; echo in > r/f; chroot r /bin/sh -c '/bin/busybox ls /; cd ..; /bin/busybox cat f; /bin/busybox pwd; cd /d/../..; /bin/busybox pwd'; chroot r /bin/no; echo $?; chroot no sh; echo $?; chroot f sh; echo $?
#: linux32, linux64, nsenter: personalities, and a namespace of nobody
linux64 true; echo $?; linux32 true; echo $?; nsenter -t 99999999 -m true; echo $?
#: env, sh: a large environment and long arguments
x=$(head -c 100000 /dev/zero | tr '\0' x); echo ${#x}; env X="$x" sh -c 'echo ${#X}'; sh -c 'echo ${#1}' sh "$x"; y=$(head -c 140000 /dev/zero | tr '\0' y); env Y="$y" true; echo $?; seq 20000 | xargs sh -c 'echo $#' sh | awk '{ n += $1 } END { print n + NR }'
#: sh: a thousand processes
i=0; while [ $i -lt 300 ]; do $(true) & i=$((i + 1)); done; wait; echo done; for i in 1 2 3 4 5 6 7 8 9 10; do (sleep 0.1; exit $i) & p="$p $!"; done; for q in $p; do wait $q; echo $?; done
#: sh: pipelines end by signal
yes | head -n 1; sh -c 'yes; echo not' | head -n 1; (yes; echo $? >&2) | head -n 1; sh -c 'kill -SEGV $$'; echo $?; sh -c 'kill -PIPE $$'; echo $?; sh -c 'kill -ABRT $$'; echo $?; sh -c 'kill -USR1 $$'; echo $?; sh -c 'kill -CHLD $$; echo lives'; sh -c 'kill -WINCH $$; echo lives'; seq 100000 | head -n 1; cat /dev/zero | dd bs=1k count=1 2>/dev/null | wc -c
#: sh: limits
ulimit -n; ulimit -s; ulimit -c; ulimit -t; ulimit -f; ulimit -v; (ulimit -n 10; ulimit -n; exec 3<&0 4<&0 5<&0; exec 9<&0; echo ok); (ulimit -f 1; head -c 5000 /dev/zero > f; echo $?; stat -c %s f); (ulimit -v 20000; x=$(head -c 30000000 /dev/zero | tr '\0' a); echo $?) 2>&1 | tail -n 1 | cut -c 1-40; (ulimit -t 1; while :; do :; done); echo $?; (ulimit -S -n 20; ulimit -H -n; ulimit -S -n); ulimit -n 9999999; echo $?
