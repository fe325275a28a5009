# SPDX-License-Identifier: MIT
# Archives and compressed files, there and back.

#: tar: a tree there and back
mkdir -p t/d/e; seq 100 > t/d/f; ln -s f t/d/l; ln t/d/f t/hard; chmod 4711 t/hard; mkfifo t/p; touch -d '2020-01-01 00:00:00' t/d/e t/d/f t/d t
tar cf a.tar t; tar tf a.tar | sort; mkdir out; tar xf a.tar -C out; find out | sort; cmp t/d/f out/t/d/f && echo same; stat -c '%a %y %h' out/t/hard out/t/d/e; readlink out/t/d/l
tar tvf a.tar t/p | sed 's/[0-9-]* [0-9:]* t/TIME t/'; tar cf - t | tar tf - | wc -l; tar xf a.tar -C out t/hard; tar xf no.tar; echo $?; tar tf t/d/f; echo $?; tar cf c.tar -C t d/f hard; tar tf c.tar; mkdir s; tar xf a.tar --strip-components 1 -C s; ls s
#: tar, gzip, gunzip: compressed archives
mkdir t; seq 1000 > t/f; tar czf a.tgz t; tar tzf a.tgz; tar xzOf a.tgz t/f | md5sum; tar cjf a.tbz t; tar tjf a.tbz; tar xjOf a.tbz t/f | md5sum; tar xf a.tgz -C /tmp/w; zcat a.tgz | tar t; bzcat a.tbz | tar t
tar cf - t | gzip | gunzip | tar xf - -O | md5sum
#: gzip, gunzip, zcat: there and back
seq 5000 > f; cp f g; gzip f; ls; zcat f.gz | cmp - g && echo same; gunzip f.gz; cmp f g && echo same; gzip -c f | wc -c; gzip -9 < f | gunzip | cmp - f && echo same; gzip -k f; ls; gzip f; echo $?; gzip -t f.gz; echo $?; echo garbage > x.gz; gunzip x.gz; echo $?; gzip -d < f.gz | tail -n 1; gzip -f f; gunzip -f f.gz; ls; head -c 100 f > h; gzip h; truncate -s 40 h.gz; zcat h.gz > /dev/null; echo $?; gzip no; echo $?
#: bzip2, bunzip2, bzcat: there and back
seq 3000 > f; md5sum f; bzip2 f; ls; bzcat f.bz2 | md5sum; bunzip2 f.bz2; md5sum f; bzip2 -c f | wc -c; bzip2 -k f; bzip2 -t f.bz2; echo $?; echo garbage | bunzip2; echo $?; : | bzip2 | bzcat | wc -c
#: xz, unxz, xzcat, lzma, unlzma, lzcat: unpacked
printf '\3757zXZ\0\0\4\346\326\264F\2\0!\1\26\0\0\0t/\345\243\1\0\5hello\n\0\0\0\351\325\366\222\245\262\204\177\0\1\36\6\301/[\375\37\266\363}\1\0\0\0\0\4YZ' > f.xz; xzcat f.xz; echo $?; xz -d < f.xz; echo $?; echo x | unxz; echo $?; unxz no.xz; echo $?; echo x | lzcat; echo $?; echo x | unlzma; echo $?; echo x | xz -d; echo $?; echo x | lzma -d; echo $?
#: uncompress, unzip, rpm, rpm2cpio: what is none of theirs
echo x > f.Z; uncompress f.Z; echo $?; echo x > f.zip; unzip f.zip; echo $?; rpm2cpio f.zip; echo $?; rpm -qp f.zip; echo $?
#: unzip: a stored and a deflated file
{ printf 'PK\3\4\12\0\0\0\0\0\0\0\41\0\40\60\72\66\6\0\0\0\6\0\0\0\1\0\0\0ahello\n'; printf 'PK\1\2\36\3\12\0\0\0\0\0\0\0\41\0\40\60\72\66\6\0\0\0\6\0\0\0\1\0\0\0\0\0\0\0\1\0\0\0\244\201\0\0\0\0a'; printf 'PK\5\6\0\0\0\0\1\0\1\0\57\0\0\0\45\0\0\0\0\0'; } > f.zip
unzip -l f.zip; unzip -o f.zip; cat a; unzip -p f.zip a; unzip -q -o f.zip -d out; ls out
#: cpio: there and back
mkdir -p t/d; seq 10 > t/d/f; ln -s f t/d/l; ln t/d/f t/h; mkfifo t/p; mknod t/n c 1 3; find t | sort | cpio -o -H newc > a.cpio; cpio -t < a.cpio; mkdir out; cd out; cpio -idm < ../a.cpio; find . | sort; cmp t/d/f ../t/d/f && echo same; stat -c '%F %h' t/d/f t/p t/n; cpio -i < /dev/null; echo $?; echo garbage | cpio -t; echo $?; cd ..; find t -depth | cpio -p -d pass 2>/dev/null; ls pass; cpio -tv < a.cpio | wc -l
#: ar: an archive of files
echo one > a; echo two > b; ar r x.a a b; ar t x.a; ar p x.a b; rm a b; ar x x.a; cat a b; ar tv x.a | wc -l; ar p x.a no; echo $?; echo bad > y.a; ar t y.a; echo $?; head -c 8 x.a
#: dpkg-deb, ar, tar: a package made, shown, unpacked
mkdir -p p/DEBIAN p/usr/share/p c; printf 'Package: p\nVersion: 1.0\nArchitecture: all\nMaintainer: n\nDescription: d\n' > c/control; echo data > p/usr/share/p/f; rmdir p/DEBIAN; tar czf control.tar.gz -C c ./control; tar czf data.tar.gz -C p ./usr; echo 2.0 > debian-binary; ar r p.deb debian-binary control.tar.gz data.tar.gz
dpkg-deb -c p.deb | awk '{ print $1, $NF }'; dpkg-deb -f p.deb; dpkg-deb -f p.deb Version; dpkg-deb -x p.deb out; find out | sort; dpkg-deb -e p.deb ctl; cat ctl/control; dpkg-deb -x no.deb out; echo $?
#: dpkg: a package installed
mkdir -p /var/lib/dpkg/info /etc/dpkg c p/opt; : > /var/lib/dpkg/status; printf 'Package: pp\nVersion: 1.0\nArchitecture: all\nMaintainer: n\nDescription: d\n' > c/control; echo data > p/opt/f; tar czf control.tar.gz -C c ./control; tar czf data.tar.gz -C p ./opt; echo 2.0 > debian-binary; ar r p.deb debian-binary control.tar.gz data.tar.gz
dpkg -i p.deb; cat /opt/f; dpkg -l | tail -n 1; dpkg -r pp; ls /opt /opt/f; rm -rf /opt /var/lib/dpkg
#: lzop: there and back
seq 1000 > f; lzop -c f | lzop -d | cmp - f && echo same; lzop f; ls; lzop -t f.lzo; echo $?; echo x | lzop -d; echo $?
#: cmp, tar: a file larger than all buffers
seq 60000 > f; tar cf a.tar f f f; tar xOf a.tar | wc; gzip -1 < a.tar | gunzip | cmp - a.tar && echo same
#: sh, uudecode: an archive that unpacks itself
seq 50 > f; { echo 'uudecode -o - <<E | gunzip'; gzip -c f | uuencode -m x; echo E; } > s; sh s | cmp - f && echo same
