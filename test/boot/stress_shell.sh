#!/bin/sh
# SPDX-License-Identifier: MIT
# A shell's day, many at once: stress_shell.sh SECONDS WORKERS. Each worker does one job after the other, chosen at
# random, and looks whether its result is right. Prints what was wrong, and how many jobs were done.

end=$(($(date +%s) + $1))
workers=$2

wrong() {
	echo "wrong: $*"
	touch "$home/wrong"
}

expect() { # what, expected, got
	[ "$2" = "$3" ] || wrong "$1: expected '$2', got '$3'"
}

job_pipeline() {
	expect pipeline 4950 "$(seq 0 99 | while read -r n; do echo "$n"; done | awk '{ s += $1 } END { print s }')"
	expect sort 1 "$(seq 1 500 | sort -rn | tail -n 1 | cat | cat | cat)"
}

job_files() {
	mkdir -p tree/a/b tree/c
	for n in 1 2 3 4 5; do echo "$n" > "tree/a/b/$n"; done
	tar cf - tree | gzip | gunzip | tar xf - -C "$(mktemp -d "$PWD/out.XXXXXX")"
	expect files "1 2 3 4 5" "$(cat out.*/tree/a/b/* | xargs)"
	mv tree/a tree/d && ln -s d/b/3 tree/link
	expect link 3 "$(cat tree/link)"
	expect find 5 "$(find tree -type f | wc -l | xargs)"
	rm -rf tree out.*
}

job_background() {
	for n in 1 2 3 4 5 6; do (exit "$n") & eval "p$n=$!"; done
	sum=0
	for n in 1 2 3 4 5 6; do
		eval "wait \$p$n"
		sum=$((sum + $?))
	done
	expect wait 21 "$sum"
}

job_signals() {
	sleep 100 &
	pid=$!
	kill -STOP $pid; kill -CONT $pid; kill -TERM $pid
	wait $pid
	expect killed 143 $?
	expect trap caught "$(trap 'echo caught; exit' USR1; kill -USR1 "$(sh -c 'echo $PPID')"; sleep 5)"
	expect kill9 137 "$(sh -c 'kill -9 $$'; echo $?)"
}

job_exec() {
	expect exec deep "$(sh -c 'exec sh -c "exec sh -c \"echo deep\""')"
	expect missing 127 "$(/no/such/program 2>/dev/null; echo $?)"
	expect segv 139 "$(/test/helper/crash null > /dev/null 2>&1; echo $?)"
	expect here "a b" "$(cat << 'END' | tr '\n' ' ' | sed 's/ $//'
a
b
END
)"
}

job_memory() {
	expect sum "$(dd if=/dev/zero bs=64k count=32 2>/dev/null | md5sum)" \
		"$(head -c 2097152 /dev/zero > zeros; cat zeros | md5sum)"
	rm -f zeros
	expect string 40000 "$(x=$(head -c 40000 /dev/zero | tr '\0' x); echo ${#x})"
}

job_fifo() {
	mkfifo pipe
	(seq 1 200 > pipe) &
	expect fifo 20100 "$(awk '{ s += $1 } END { print s }' < pipe)"
	wait
	rm pipe
}

job_deep() {
	f() { [ "$1" -gt 0 ] && echo "$( ( f $(($1 - 1)) ) )" || echo bottom; }
	expect deep bottom "$(f 12)"
}

job_timeout() {
	timeout 1 sleep 10 2>/dev/null
	expect timeout 143 $?
	timeout 1 sh -c 'while :; do :; done' 2>/dev/null
	expect busy 143 $?
}

worker() {
	mkdir "$home/$1" && cd "$home/$1" || exit 1
	done=0
	while [ "$(date +%s)" -lt "$end" ] && [ ! -e "$home/wrong" ]; do
		case $((RANDOM % 9)) in
		0) job_pipeline ;;
		1) job_files ;;
		2) job_background ;;
		3) job_signals ;;
		4) job_exec ;;
		5) job_memory ;;
		6) job_fifo ;;
		7) job_deep ;;
		8) job_timeout ;;
		esac
		done=$((done + 1))
	done
	echo $done > "$home/$1.done"
}

home=$(mktemp -d /tmp/stress.XXXXXX)
n=0
while [ $n -lt "$workers" ]; do
	worker $n &
	n=$((n + 1))
done
wait
echo "jobs: $(cat "$home"/*.done | awk '{ s += $1 } END { print s }')"
[ ! -e "$home/wrong" ]
status=$?
rm -rf "$home"
exit $status
