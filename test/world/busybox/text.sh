# SPDX-License-Identifier: MIT
# Text: filters, sums, dumps, editors.

#: sort, uniq: order
printf 'b 2\na 10\nc 1\na 10\nB 3\n' > f; sort f; sort -r f; sort -u f; sort -k 2n f; sort -f f; sort -n -k 2 -r f; sort -t ' ' -k 1,1 -s f; sort f | uniq; sort f | uniq -c; sort f | uniq -d; sort f | uniq -u; sort -c f; echo $?; sort -o f f; cat f; printf '10\n9\n1e2\n' | sort -g; printf '2K\n1M\n3\n' | sort -h; printf '1.10\n1.9\n' | sort -V; printf 'b\0a\0' | sort -z | tr '\0' ' '; printf 'Mar\nJan\n' | sort -M
#: sort: a large file
seq 20000 | awk '{ print ($1 * 7919) % 20011 }' | sort -n | md5sum
#: grep, egrep, fgrep: lines
printf 'alpha\nbeta\ngamma\ndelta\nAlpha beta\n' > f; grep a f; grep -n eta f; grep -v a f; grep -c a f; grep -i ALPHA f; grep -w beta f; grep -x beta f; grep -o 'a[lm]' f; egrep 'al|ga' f; fgrep . f; echo $?; grep -q beta f; echo $?; grep -l beta f no; echo $?
grep -A 1 beta f; grep -B 1 gamma f; grep -C 1 gamma f; grep -m 1 a f; grep -e alpha -e delta f; mkdir d; cp f d; grep -r gamma d; grep -h beta f d/f; grep -H beta f; grep -s x no; echo $?; printf 'beta\n' > p; grep -f p f; grep -L zzz f; grep -E '^(.).*\1$' f; grep '[[:upper:]]' f; printf 'a\0b' | grep -z b | od -c; grep -b gamma f
#: sed: the stream editor
seq 5 > f; sed -n 2p f; sed 2d f; sed '2,4d' f; sed 's/[0-9]/<&>/' f; sed '$!d' f; sed -n '/3/,$p' f; sed '2a\added' f; sed '2i\inserted' f; sed '3c\changed' f; sed y/123/abc/ f; sed -n '$=' f; sed 's/1/x/;s/2/y/' f; sed -e 3q f; sed '1!G;h;$!d' f; sed -E 's/(.)/\1\1/g' f; sed 'N;s/\n/+/' f; sed -n '2{p;q}' f; sed = f | head -n 4; sed '/2/r /dev/null' f
echo 'aaa' | sed 's/a/b/2'; echo aaa | sed 's/a/b/g'; echo abc | sed 's/\(a\)\(b\)/\2\1/'; echo hello | sed 's/l/L/;ta;s/h/H/;:a;s/o/O/'; sed -i s/5/five/ f; tail -n 1 f; sed -i.bak 1d f; cat f.bak | wc -l; sed 's/2/new/w out' f > /dev/null; cat out; sed bad f; echo $?; echo 'A b' | sed 's/b/B/I;l'; echo one two | sed 's/\w\+/[&]/g'; printf 'x\n' | sed '1~2s/x/y/'; sed p no; echo $?
#: awk: a language
seq 10 > f; awk '{ s += $1 } END { print s, NR }' f; awk 'NR % 2' f | tr '\n' ' '; echo 'a:b:c' | awk -F: '{ print $2, NF; OFS = "-"; $1 = $1; print }'; awk 'BEGIN { printf "%05.2f|%-5s|%x|%c\n", 3.14159, "ab", 255, 65 }'; awk 'BEGIN { print length("hello"), substr("hello", 2, 3), index("hello", "l"), toupper("x"), sprintf("%d", 3.9) }'
awk 'BEGIN { n = split("a b c", x); for (i = n; i; i--) printf "%s ", x[i]; print "" }'; awk 'function f(n) { return n < 2 ? n : f(n - 1) + f(n - 2) } BEGIN { print f(15) }'; awk 'BEGIN { s = "aaa"; print gsub(/a/, "b", s), s; print match("foobar", /ob/), RSTART, RLENGTH }'; awk -v x=5 'BEGIN { print x ^ 2, x % 3, -x, !x, x++ + ++x }'; awk 'BEGIN { "echo sub" | getline l; print l; print "out" | "cat"; close("cat"); system("echo sys") }'
awk 'BEGIN { while (("seq 3" | getline x) > 0) t += x; print t; exit 3 }'; echo $?; awk '/3/,/5/' f; awk 'BEGIN { a["x"] = 1; delete a["x"]; print ("x" in a), int(-3.7), exp(0), sqrt(16), log(1), atan2(0, 1), sin(0) }'; awk 'BEGIN { print ENVIRON["HOME"], ARGC }'; awk 'BEGIN { printf "%s\n", 1e6, 1e20; print 1e6, 0.1 + 0.2, 100000 * 100000, 2 ** 31 }'; awk 'BEGIN { print substr("x", 0), 1 == 1.0, "a" < "b", "10" < "9" }'
awk 'BEGIN { getline line < "f"; print line; print "to file" > "o"; close("o"); getline l < "o"; print l }'; awk 'BEGIN { do { i++ } while (i < 5); print i; for (;;) if (i-- < 2) break; print i }'; awk '{ print > ("out" NR % 2) }' f; wc -l out0 out1; awk 'syntax {'; echo $?
#: cut, paste, tr: columns and letters
printf 'a:b:c\nd:e:f\n' > f; cut -d : -f 2 f; cut -c 1,3 f; cut -d : -f 2- f; cut -b 2-3 f; cut -s -d , -f 1 f; cut -d : -f 1,3 --output-delimiter=+ f; paste f f; paste -d , f f; paste -s f; echo hello | tr a-y b-z; echo hello | tr -d l; echo aabbcc | tr -s ab; echo 'Ab1' | tr '[:upper:][:digit:]' '*'; echo abc | tr -c 'a\n' x; seq 3 | paste - - -; echo hello | tr a-z A-Z; printf 'x\ty' | tr '\t' ' '; echo; echo hi | tr '\150' H
#: wc, nl, tac, rev, fold, expand, unexpand: lines about
printf 'one two\nthree\n\nfour' > f; wc f; wc -l -w -c f; wc -L f; wc -m f; cat f f | wc; nl f; nl -b a f; tac f; echo; rev f; echo; echo 0123456789abcdef | fold -w 5; echo 'the quick brown fox' | fold -s -w 10; printf '\ta\tb\n' | expand; printf '\ta\n' | expand -t 4; printf '        a       b\n' | unexpand; printf '        a       b\n' | unexpand -a; wc no; echo $?
#: diff: differences
seq 5 > a; sed 's/3/three/;5d' a > b; diff a b; echo $?; diff -u a b | sed 's/\t.*//'; diff -q a b; diff a a; echo $?; diff -s a a; mkdir x y; echo 1 > x/f; echo 2 > y/f; echo 3 > x/only; diff -r x y; diff -rq x y; diff -i a b > /dev/null; echo $?; diff -b a b | head -n 1; diff -U 0 a b | tail -n +3; diff a no; echo $?; diff -N a no | wc -l; echo '1' | diff - a | head -n 1; diff -B a b | wc -l; printf 1 > n; echo 1 | diff - n
#: patch: differences undone
seq 20 > a; sed 's/10/ten/;/15/d' a > b; diff -u a b > p; cp a c; patch c p; cmp b c && echo same; patch -R c p; cmp a c && echo same; mkdir d; cp a d; cd d; sed 's/^\([-+]*\) b/\1 a/' ../p | patch -p0 a; cmp a ../b && echo same; seq 5 > a; patch a ../p; echo $?; ls; printf -- '--- /dev/null\n+++ new\n@@ -0,0 +1,2 @@\n+x\n+y\n' | patch -p0; cat new
#: ed: an editor of lines
printf '1\n2\n3\n' > f; printf 'a\nfirst\n.\n1,$p\n2d\n,n\n/3/s/3/three/\np\n$=\nw g\nq\n' | ed f; cat g; printf '2i\nx\n.\nw\nq\n' | ed -s f 2>/dev/null; cat f; echo q | ed no; echo $?
#: vi: an editor of screens, by its keys
printf 'one\ntwo\nthree\n' > f; printf 'dd:wq\n' | vi f > /dev/null 2>&1; cat f; printf 'ihello \033:wq\n' | vi f > /dev/null 2>&1; cat f; printf ':%%s/t/T/g\n:wq\n' | vi f > /dev/null 2>&1; cat f; printf 'Gyyp:wq\n' | vi f >/dev/null 2>&1; cat f; vi -c 'wq' -c '2d' f < /dev/null > /dev/null 2>&1; cat f
#: vi: what it draws
printf 'one\ntwo\n' > f; printf ':q\n' | TERM=vt100 vi f 2>&1 | tr '\033' '^' | head -c 200
#: od, hexdump, xxd, dd: dumps
printf 'Hello, world\n\0\001\377' > f; od f; od -c f; od -x f; od -An -tx1 f; od -tu1 f; od -A d -t x2 -j 2 -N 6 f; hexdump f; hexdump -C f; hexdump -n 4 -s 3 -C f; hexdump -e '4/1 "%02x " "\n"' f; xxd f; xxd -p f; xxd -p f | xxd -r -p | cmp - f && echo same; xxd -l 5 f; xxd -g 1 f; od -td4 -An f; dd if=/dev/zero bs=64 count=1 2>/dev/null | od; head -c 40 /dev/zero | hexdump -v | wc -l
#: crc32, md5sum, sha1sum, sha256sum, sha512sum, sha3sum: sums
seq 1000 > f; crc32 f; md5sum f; sha1sum f; sha256sum f; sha512sum f; sha3sum f; md5sum f > s; md5sum -c s; echo x >> f; md5sum -c s; echo $?; : > e; md5sum e; sha256sum < e; head -c 100000 /dev/zero | sha512sum; sha1sum no; echo $?; sum f 2>/dev/null; sha3sum -a 512 e
#: base64, uuencode, uudecode: bytes as text
printf 'Hello\0\377' > f; base64 f; base64 f | base64 -d | cmp - f && echo same; head -c 100 /dev/zero | base64 -w 40; uuencode f name; chmod 644 f; uuencode -m f name; uuencode f out | uudecode; cmp f out && echo same; uuencode -m f out2 | uudecode -o - | od -c; echo '!!!' | base64 -d; echo $?
#: dos2unix, unix2dos: ends of lines
printf 'a\r\nb\r\n' > f; dos2unix f; od -c f; unix2dos f; od -c f; echo x | unix2dos | od -c; printf 'a\r\n' | dos2unix -u | od -c
#: strings: what can be read in a file
printf '\001\002hello\003\004ab\005longer text\n\377' > f; strings f; strings -n 2 f; strings -t x f; strings -o f
#: seq, factor, expr: numbers
seq 3; seq 2 4; seq 1 2 7; seq 5 -2 1; seq -w 8 10; seq -s , 3; seq 0.5 0.5 2; factor 12 97 1000000007 18446744073709551557; expr 1 + 2 \* 3; expr 7 / 2; expr 7 % 4; expr 3 \> 2; expr abc : 'a\(.\)c'; expr length hello; expr substr hello 2 3; expr index hello l; expr 0; echo $?; expr 1 / 0; echo $?; expr a = a; expr 5 - ; echo $?; seq x; echo $?
#: bc, dc: calculators
echo '2^100' | bc; echo 'scale=20; 22/7' | bc; echo 'define f(n) { if (n < 2) return 1; return n * f(n - 1); } f(30)' | bc; echo 'obase=16; 255; ibase=16; FF' | bc; echo 's(1); c(1); a(1); l(2); e(1)' | bc -l; echo 'for (i = 0; i < 3; ++i) i; while (i > 0) { i -= 1; i }' | bc; echo '1/0' | bc; echo $?; echo 'sqrt(2)' | bc; echo '"text"; 5 % 3' | bc; echo
echo '2 3 + p 4 * p' | dc; dc -e '10 k 1 3 / p'; dc -e '16 o 255 p'; dc -e '1 2 3 f'; dc -e '[2 * p] s x 5 l x x'; dc -e '2 64 ^ p'; dc -e '5 3 ~ f'
#: printf: formats
printf '%d %5d %-5d| %05d %x %X %o %u\n' 1 2 3 4 255 255 8 7; printf '%s %10s %-10s|\n' a b c; printf '%c%c\n' ab cd; printf '%e %f %g\n' 1.5 2.5 3.5; printf '%b\n' 'a\tb'; printf '%s,' 1 2 3; echo; printf '%%\n'; printf '\101\x42\n'; printf '%d\n' 0x1f 010 "'A"; printf '%d\n' abc; echo $?; printf '%.3s\n' abcdef; printf '%*d\n' 5 42; env printf '%s\n' external; env printf '%d %s\n' 5 five 6 six
#: yes, shuf, cal, ascii: more text
yes | head -n 2; yes a b | head -n 1; seq 10 | shuf | sort -n | tr '\n' ' '; echo; shuf -i 1-5 -n 5 | sort | tr '\n' ' '; echo; shuf -e a b c | sort | tr '\n' ' '; echo; cal 2 2024; cal 2021 | md5sum; ascii | head -n 5
#: less, more: without a terminal they are cat
seq 3 > f; less f; more f; cat f | less; more < f; less no; echo $?
#: awk, sort: two files
printf 'a 1\nb 2\n' > x; printf 'a x\nc z\n' > y; awk 'NR == FNR { v[$1] = $2; next } $1 in v { print $0, v[$1] }' x y; sort x y | uniq; cat x y | sort -k 1,1 -u
#: ts: lines with times
echo line | ts X; echo line | ts '%Y' | sed 's/20[0-9][0-9]/YEAR/'; printf 'a\nb\n' | ts -s '%H' 
#: tail: a file that grows
echo 1 > f; (sleep 0.3; echo 2 >> f; sleep 0.3; echo 3 >> f) & timeout 2.5 tail -f f; echo $?
#: getopt: options
getopt ab:c -a -b val -c rest; getopt -o ab: -l long,arg: -- -a --long --arg=5 x 'y z'; getopt -o a -- -x; echo $?; getopt -T; echo $?
#: date: dates and zones
date -u -d @0; date -u -d '2024-02-29 12:34:56' '+%Y-%m-%d %H:%M:%S %j %a %b %u %U %p %s'; date -u -d 2000-01-01 +%s; date -u -R -d @1000000000; date -u -I -d @1000000000; TZ=EST5EDT date -d '2024-07-01 12:00' '+%H %Z'; TZ=CET-1CEST,M3.5.0,M10.5.0/3 date -d @1720000000 '+%H:%M %Z'; date -d nonsense; echo $?; date -u -D '%d.%m.%Y' -d 24.12.2023 +%F; [ $(date +%s) -gt 1700000000 ] && echo now
