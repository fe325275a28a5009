# SPDX-License-Identifier: MIT
# Files and folders: made, copied, linked, moved, looked at.

#: echo, cat, ls: a file and its size
echo hi > a; cat a; cat -n a a; cat -A a
printf 'no newline' > b; ls -l | sed 's/ [A-Z][a-z][a-z] .*:[0-9]*/ TIME/'
ls -a; ls -1F; ls no-such-file
#: ls: order and columns
mkdir d; touch -d '2020-01-01 00:00' old; touch -d '2021-01-01 00:00' new; echo 12345 > big; echo 1 > small
touch -d '2022-03-04 05:06:07' big small d
ls -t old new; echo; ls -S big small; echo; ls -r; echo; ls -p; ls -w 20 -C; ls -x; ls -ld d old; ls -n big
ls -lh big; ls -s big; ls -ldi no
#: cp, ls: a tree with links, modes and times
mkdir -p a/b/c; echo 1 > a/b/c/file; ln -s file a/b/c/link; ln a/b/c/file a/b/hard; mkfifo a/pipe
chmod 640 a/b/c/file; touch -d '2020-02-02 02:02:02' a/b/c/file
cp -a a copy; find copy | sort; ls -l copy/b/c/file; readlink copy/b/c/link; [ -p copy/pipe ] && echo pipe
cp a/b/c/file a/b/c/link .; ls -l | grep -c '^-'; cp a x; echo $?; cp -r a/b y; find y | sort
cp -s a/b/c/file symbolic; readlink symbolic; cp -l a/b/c/file hard; stat -c %h hard
cp no-such x; echo $?; cp -i a/b/c/file file < /dev/null; echo $?
#: mv: files, folders, over each other
mkdir d e; echo 1 > f; echo 2 > g; mv f d; mv g d/f; cat d/f; mv d e; find . | sort; mv e/d/f e/d/f; echo $?
mkdir -p x/y; mv x x/y; echo $?; mv no-such a; echo $?; mv -n e/d/f . && ls; touch t; mkdir u; mv t u/; ls u
mkdir p p/full q; touch p/full/z; mv q p/full; echo $?; ls p/full
#: rm, rmdir: what goes and what stays
mkdir -p a/b c/d; touch a/f; rm a; echo $?; rmdir a; echo $?; rm -r a; rmdir -p c/d; ls; rm no-such; echo $?; rm -f no-such; echo $?
mkdir t; touch t/x; chmod 0 t/x; rm -f t/x; ls t; rm -rf t; ls; rmdir .; echo $?; rmdir no; echo $?
#: ln, readlink, realpath: links hard and symbolic
echo data > f; ln f hard; ln -s f soft; ln -s /nowhere dangling; ln -s loop loop; ln -sf f dangling2
stat -c '%h %F %N' f hard soft dangling; cat soft; cat dangling; echo $?; cat loop; echo $?
readlink soft; readlink f; echo $?; readlink -f soft; readlink -f no/such; echo $?; realpath ./soft ../w/hard; realpath loop; echo $?
ln f hard; echo $?; ln . folder; echo $?; ln -sfn g soft; readlink soft; mkdir d; ln -s ../f d/up; cat d/up; ln f d/hard2; stat -c %h f
#: stat: every field that does not vary
echo hello > f; chmod 4751 f; touch -d '2021-05-06 07:08:09' f; mkdir d; mkfifo p; mknod c c 1 3; mknod b b 7 1
stat -c '%a %A %F %g %G %h %n %s %t %T %u %U %b %B %f' f d p c b
stat -c '%x %y %X %Y' f; stat f | grep -v -e Inode -e Change; stat no; echo $?
#: stat: file systems
stat -f -c '%n %l %t %T %s %S' /proc /tmp /dev /sys; stat -f / | head -n 2 | sed 's/ID: [0-9a-f]*/ID/'
#: touch: times
touch -d '2001-02-03 04:05:06' a; stat -c %y a; touch -r a b; stat -c %y b; touch -c no; ls; touch -t 202001020304.05 a; stat -c '%x %y' a
touch -d @86400 a; stat -c %Y a; touch no/such; echo $?; date -r a -u
#: chmod: modes
touch f; for m in 0 777 u+rwx,go= a+x,o-r +t 6755 u=rw,g=u,o=g -x; do chmod $m f; stat -c "$m %a %A" f; done
mkdir -p d/e; chmod -R 700 d; stat -c %a d d/e; chmod g+s d; mkdir d/f; stat -c %A d d/f; (umask 077; touch g; mkdir h; stat -c %a g h)
umask; umask -S; umask 027; umask -S; chmod 999 f; echo $?; chmod 600 no; echo $?; chmod -c 644 f; chmod -v 644 f
#: chown, chgrp: owners
touch f; chown 1:2 f; stat -c '%u %g %U %G' f; chown nobody f; stat -c '%U %G' f; chgrp tty f; stat -c %G f; chown :0 f; stat -c %g f
chmod 6755 f; chown 5 f; stat -c %a f; ln -s f l; chown -h 7 l; stat -c '%n %u' f l; chown none f; echo $?; mkdir -p d/e; chown -R 3:4 d; stat -c %u:%g d/e
#: mkdir: parents and modes
mkdir a a; echo $?; mkdir -p a/b/c a; mkdir -m 711 m; stat -c %a m; mkdir x/y; echo $?; touch f; mkdir f/g; echo $?; mkdir -p f/g; echo $?; mkdir -v v
#: mkfifo, mknod: special files
mkfifo -m 600 p; ls -l p | cut -c 1-10; mknod n p; ls -l n | cut -c 1-10; mknod z c 1 5; head -c 4 z | od -c; mknod -m 622 nl c 1 3; echo x > nl; stat -c '%a %t %T %F' nl
mknod b b 240 7; cat b; echo $?; mknod c c 240 7; cat c; echo $?; (echo through > p &); cat p; mkfifo p; echo $?
#: mktemp: names
f=$(mktemp); case $f in /tmp/tmp.??????) echo ok;; *) echo "$f";; esac; stat -c '%a %s' $f; rm $f; d=$(mktemp -d); stat -c '%a %F' $d; rmdir $d
f=$(mktemp -p . ab.XXXXXX); echo ${#f}; mktemp -u | wc -c; mktemp /no/such/XXXXXX; echo $?; mktemp badXX; echo $?
#: dd: blocks, seeks, conversions
printf 'abcdefghijklmnopqrstuvwxyz' > in; dd if=in bs=5 skip=1 count=2 2>/dev/null; echo; dd if=in of=out bs=4 seek=2 count=1 2>/dev/null; od -c out
dd if=in of=out bs=1 conv=notrunc count=3 2>/dev/null; od -An -c out; dd if=in conv=ucase 2>/dev/null; echo; dd if=in bs=10 conv=sync 2>/dev/null | wc -c
dd if=in conv=swab 2>/dev/null; echo; dd if=/dev/zero bs=1k count=3 2>/dev/null | wc -c; dd if=no; echo $?; dd if=in bs=7 of=/dev/null 2>&1 | head -n 2
dd if=/dev/zero of=/dev/full bs=1 count=1; echo $?; dd if=in ibs=3 obs=8 iflag=fullblock 2>&1 >/dev/null | head -n 2; dd if=/dev/zero of=sparse bs=1 count=0 seek=1M 2>/dev/null; stat -c '%s %b' sparse
#: truncate, fallocate: sizes
truncate -s 100 f; stat -c '%s %b' f; truncate -s 10k f; stat -c %s f; echo data > f; truncate -s 2 f; cat f; echo; truncate -c -s 5 no; echo $?; ls
fallocate -l 5000 g; stat -c '%s %b' g; fallocate -o 8192 -l 100 g; stat -c '%s' g; cmp -n 100 g /dev/zero; echo $?
#: du: blocks
mkdir -p a/b; dd if=/dev/zero of=a/b/f bs=1k count=10 2>/dev/null; dd if=/dev/zero of=a/g bs=1k count=5 2>/dev/null; ln a/g a/h
du a; du -s a; du -a a | sed s/h$/g/ | sort -k 2; du -k a/g; du -h a/b/f; du -sl a; du -d 0 a; du -c a/b; du -m a; du no; echo $?
#: df: file systems
df /proc /sys | awk '{ print $1, $NF }'; df -P /dev/shm | awk 'NR == 2 { print $1, $5, $6 }'; df -h no; echo $?
df -k . | awk 'NR == 2 { print $6, ($2 > 1000), ($2 >= $3 + $4) }'; df -i /dev/shm | awk 'NR == 2 { print $3, ($4 > 10) }'
#: cmp: bytes
echo abcd > a; echo abxd > b; cp a c; cmp a c; echo $?; cmp a b; echo $?; cmp -l a b; cmp -s a b; echo $?; printf ab > d; cmp a d; echo $?; cmp a no; echo $?; cmp -n 2 a b; echo $?; echo abcd | cmp a; echo $?
#: unlink, link: single calls
echo 1 > a; link a b; stat -c %h a; unlink a; cat b; unlink a; echo $?; mkdir d; unlink d; echo $?; link d e; echo $?
#: tee: several files
echo one | tee a b; cat a b; echo two | tee -a a > /dev/null; cat a; echo x | tee no/such; echo $?; echo full | tee /dev/full; echo $?
#: head, tail: parts of a file
seq 1 20 > f; head -n 2 f; tail -n 2 f; tail -n +18 f; head -c 5 f; tail -c 4 f; head -n -18 f; head f | wc -l; tail f | head -n 1; head -n 1 f f; head no; echo $?; head -c 3 /dev/zero | od -c; tail -c +49 f
#: find: by every kind of thing
mkdir -p a/b/c; echo 12345 > a/f; touch a/b/e; ln -s f a/l; mkfifo a/p; chmod 755 a/b/e; touch -d '2000-01-01' a/b/c
for t in f d l p; do find a -type $t | sort; done; find a -name '?' | sort; find a -size +1c -type f; find a -perm 755 -type f; find a -empty | sort; find a -newer a/b/c | sort; find a -mtime +100
find a -maxdepth 1 | sort; find a -mindepth 3; find a -depth | tail -n 1; find a -type f -exec echo {} \; | sort; find a -type f -exec echo {} + | wc -w; find a -path '*b/c'; find a -user root -group root | wc -l; find a -links 1 -type f | wc -l
find a -prune; find a -name b -prune -o -print | sort; find a ! -type d | sort; find a \( -name e -o -name f \) -print0 | tr '\0' '\n' | sort; find a -regex '.*/f'; find no; echo $?; find a -inum 0; find a -xdev -iname F; find . -type f -quit | wc -l
#: xargs: lists to arguments
seq 1 10 | xargs; seq 1 10 | xargs -n 3; printf 'a b\nc\n' | xargs -I % echo '<%>'; printf 'a b\0c' | xargs -0 -n 1 echo; echo "'a b' c\\ d" | xargs -n 1; echo | xargs echo none; echo | xargs -r echo none; seq 3 | xargs -t echo; echo 1 | xargs false; echo $?
echo 1 | xargs sh -c 'exit 255'; echo $?; echo 1 | xargs no-such; echo $?; seq 2000 | xargs -s 2000 echo | wc -l; seq 4 | xargs -P 2 -n 1 echo | sort; echo 1 | xargs sh -c 'kill $$'; echo $?
#: which, basename, dirname: names
which sh cat; which no-such; echo $?; basename /a/b/c; basename /a/b.c .c; basename /; basename a/; dirname /a/b; dirname a; dirname /; dirname a/b/
#: sync: what is written stays
echo data > f; sync; sync f; cat f; sync no; echo $?
#: shred, nuke: files overwritten
echo secret > f; shred -n 1 -z f; od -An -c f | head -n 1; shred -u f; ls; mkdir -p a/b; nuke a; ls
#: chmod, sh: what can be executed
printf '#!/bin/sh\necho ran "$@"\n' > s; ./s; echo $?; chmod +x s; ./s a 'b c'; mkdir bin; mv s bin; PATH=$PWD/bin:$PATH; s d; printf '#!/no/such\n' > t; chmod +x t; ./t; echo $?
printf '\177ELF garbage' > e; chmod +x e; ./e; echo $?; : > n; chmod +x n; ./n; echo $?; mkdir x; ./x; echo $?; printf '#!/bin/cat -A\nline\n' > c; chmod +x c; ./c; echo 'echo no line' > h; chmod +x h; ./h
#: stat: a folder's own size and count of links
mkdir -p d/a d/b; touch d/f; stat -c '%s %h' d d/a; rmdir d/a; rm d/f; stat -c '%s %h' d
#: mv, rm: open files live on
echo data > f; exec 3< f; rm f; cat <&3; echo more > g; exec 4> g; mv g h; echo x >&4; cat h; ls -l /proc/self/fd/3 | sed 's/.*-> //'; stat -L -c '%h %s' /proc/self/fd/3
#: freeramdisk, fatattr, fstrim, findfs: refused where they make no sense
touch f; fatattr f; echo $?; freeramdisk f; echo $?; fstrim .; echo $?; findfs LABEL=no; echo $?
