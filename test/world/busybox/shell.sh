# SPDX-License-Identifier: MIT
# The shell itself: ash.

#: sh: arithmetic
echo $((1 + 2 * 3)) $((7 / 2)) $((-7 / 2)) $((7 % 3)) $((1 << 10)) $((0xff)) $((010)) $((5 > 3 && 2 < 1)) $((5 ? 6 : 7)) $((~0)) $((!5)) $((6 & 3 | 8 ^ 1))
x=5; echo $((x++ + ++x)) $x $((x += 3)) $((x, 9)); echo $((9223372036854775807 + 1)); (echo $((1 / 0))); echo $?; (echo $((1 +))); echo $?; let 'y = 3 * 4'; echo $y; echo $((2 ** 10))
#: sh: parameters
set -- a 'b c' d; echo $# "$*" "$@" $1 ${2}; shift; echo $1; for i; do echo "<$i>"; done
x=hello.tar.gz; echo ${x#*.} ${x##*.} ${x%.*} ${x%%.*} ${#x} ${x:-d} ${y:-d} ${y:=e} $y ${x:+s} ${x:1:3} ${x/l/L} ${x//l/L}; (echo ${z:?missing}); echo $?
unset x; echo ${x-unset} "${x+set}"; IFS=:; v=a:b:c; set -- $v; echo $#; echo "$*"
#: sh: quoting and expansion
echo 'a  b' "a  b" a\ \ b "$(echo '$x')" `echo \`echo nested\`` $'a\tb'; touch f1 f2 .h; echo * ?1 [!f]* f[12] .h*; echo "*"; set -f; echo *; set +f; echo ~ ~root; echo a{b,c}d; case abc in a*) echo glob;; esac; echo "${x:-"a b"}"
cat <<A; cat <<'B'; cat <<-C
$((1 + 1)) $(echo sub)
A
$((1 + 1))
B
	tabs gone
	C
#: sh: functions, loops, conditions
f() { local x=1; echo $x $1; return 3; }; x=0; f a; echo $? $x; for i in 1 2 3; do [ $i = 2 ] && continue; echo $i; done
i=0; while :; do i=$((i + 1)); [ $i -gt 3 ] && break; done; echo $i; until [ $i = 0 ]; do i=$((i - 1)); done; echo $i
if false; then echo 1; elif true; then echo 2; else echo 3; fi; case x in y) echo y;; x | z) echo xz;; esac; ! true; echo $?; true && false || echo or; { echo grouped; }; (exit 5); echo $?; r() { [ $1 = 0 ] || { echo $1; r $(($1 - 1)); }; }; r 3
#: test, [, [[: conditions
touch f; mkdir d; ln -s f l; mkfifo p; echo x > s; chmod +x s; t() { test "$@" && echo "$* yes" || echo "$* no"; }
t -e f; t -f d; t -d d; t -L l; t -p p; t -s f; t -s s; t -x s; t -r f; t -w f; t -h f; t -z ''; t -n a; t a = a; t a != a; t 1 -lt 2; t 2 -ge 3; t s -nt no; t f -ef f; t ! -e no; t -t 1; t -S f; t -b f; t -c /dev/null; t -u s; t -k /tmp; t 1 -eq 1 -a 2 -eq 3; t 1 -eq 2 -o 3 -eq 3
[ a = a ]; echo $?; [[ abc == a* ]]; echo $?; [ 1 -eq x ]; echo $?; [ a = ; echo $?
#: sh: redirections
echo out > f; echo more >> f; cat < f; ls no-such 2> e; cat e; { echo o; echo e >&2; } > both 2>&1; cat both; exec 3> g; echo three >&3; exec 3>&-; cat g; echo x >&3; echo $?; cat < no-such; echo $?; echo > /no/such; echo $?
set -C; echo y > f; echo $?; echo y >| f; cat f; exec 4<> rw; echo ab >&4; cat rw; read x < f; echo $x; set +C; : > f; wc -c f; echo a | cat - f; ls 2>&1 >/dev/null no | wc -l
#: sh: read, printf, echo
printf 'a b c\nd\\e f\n' | { read x y; echo "$x|$y"; read -r z; echo "$z"; read q; echo $?; }; echo 'x:y' | { IFS=: read a b; echo $a $b; }; echo abc | { read -n 2 x; echo $x; }; read -t 1 x < /dev/null; echo $?; echo -n no; echo -e 'a\tb\c'; echo
printf 'no newline' | { read x; echo $? $x; }; printf 'a\\\nb\n' | { read x; echo $x; }; printf 'x,y' | { read -d , x; echo $x; }; sleep 5 | { read -t 0.2 x; echo $?; } 
#: sh: jobs and wait
sleep 0.2 & jobs | sed 's/ *$//'; wait; echo $?; (exit 3) & wait $!; echo $?; sleep 5 & kill $!; wait $! 2>/dev/null; echo $?; wait 99999; echo $?; (sleep 0.1; echo bg) & wait; { sleep 0.1; echo x; } | cat; sleep 1 & sleep 1 & jobs -p | wc -l
#: sh: traps
trap 'echo exit' EXIT; trap 'echo usr1' USR1; kill -USR1 $$; trap; trap - USR1; (trap 'echo sub' EXIT); trap 'echo int' INT; kill -INT $$; sh -c 'trap "echo term" TERM; (sleep 0.2; kill $$) & sleep 1 & wait; echo waited $?'; trap '' TERM; sh -c 'kill -TERM $$; echo ignored'; exit 6
#: sh: option -e
set -e; (false; echo not); echo not
#: sh: options pipefail, -u, -x, -n
(set -o pipefail; false | true; echo $?); (set -u; echo $nope); echo $?; (set -x; echo traced; x=1); sh -n -c 'echo not run'; sh -c 'syntax (' ; echo $?; sh -c 'exit 300'; echo $?; eval 'echo ev; false'; echo $?; sh -c 'echo $0 $#' name a b; echo 'echo from stdin' | sh -s; . ./no 2>&1; echo not reached
#: sh: dot, alias, type, command, hash
echo 'x=sourced; return 4' > f; . ./f; echo $? $x; alias ll='echo aliased'; type cd ll f no; command -v sh cd no; command echo c; unalias ll; hash -r; type test; readonly R=1; (R=2); echo $?; export E=1; sh -c 'echo $E'; times | wc -l; getopts ab: o -a; echo $o; cd /; cd - > /dev/null; pwd; cd no; echo $?; printf '%s\n' "$PPID" | grep -c '[0-9]'
#: sh: substitution and subshells
x=$(echo a; echo b); echo "$x"; echo $x; x=1; (x=2); echo $x; x=3 sh -c 'echo $x'; echo $x; y=$(exit 4); echo $?; echo "$(printf 'a\n\n\n')|"; echo `echo 1` $(echo $(echo 2)); v=$(cat <<V
in
V
); echo $v
#: sh: a pipeline of ten
seq 100 | grep 1 | sed 's/1/x/' | sort -r | uniq | head -n 10 | tail -n 5 | tr x y | rev | tac | wc -l; echo a | cat | cat | cat | cat | cat | cat | cat | cat
#: sh: a here document larger than a pipe
{ echo 'cat <<V | wc -c'; head -c 200000 /dev/zero | tr '\0' 'x' | fold -w 100; echo; echo V; } > s; sh s
#: pwd: folders by links
mkdir -p a/b; ln -s a/b l; cd l; pwd; pwd -P; cd ..; pwd; cd l/..; pwd; cd -P l; pwd; cd /; rm -r /tmp/w/l; cd /tmp/w/a/b; rmdir /tmp/w/a/b; pwd; ls; echo $?; cd ..; pwd; env pwd
#: echo, true, false, test, [, busybox, ash: as programs of their own
env echo -n x; env true; echo $?; env false; echo $?; env test 1 = 1; echo $?; env [ 1 = 2 ]; echo $?; busybox echo y; busybox no-applet; echo $?; busybox | head -n 1 | cut -d ' ' -f 1; busybox --list | wc -l; ash -c 'echo ash'; /bin/busybox sh -c 'echo path'
#: sh: random numbers and times
[ $RANDOM != $RANDOM ] || [ $RANDOM != $RANDOM ] && echo varies; echo $LINENO; set -- $(times | head -n 1); echo $#
