# SPDX-License-Identifier: MIT
# The system: mounts, kernel's files, names, logs, devices.

#: mount, umount: tmpfs, bind, read only
mkdir m n; mount -t tmpfs none m; echo x > m/f; grep -c /tmp/w/m /proc/mounts; stat -c '%d' m . | uniq | wc -l; cat m/f; mount -o remount,ro m; echo y > m/f; echo $?; rm m/f; echo $?; mkdir m/d; echo $?; cat m/f; mount -o remount,rw m; echo z > m/f; cat m/f; mount --bind m n; cat n/f; umount n; ls n; (cd m; umount /tmp/w/m; echo $?); umount m; ls m; umount m; echo $?; mount -t nofs none m; echo $?; mount -t tmpfs none no; echo $?; umount no; echo $?
mount -t tmpfs -o size=64k,mode=700 small m; stat -c %a m; dd if=/dev/zero of=m/f bs=1k count=100 2>&1 | grep -v copied; stat -c %s m/f; df -k m | awk 'NR == 2 { print $1, $2, $3, $4 }'; rm m/f; df -k m | awk 'NR == 2 { print $3 }'; umount -l m; mount -t proc proc m; cat m/self/comm; umount m; mountpoint -q /proc 2>/dev/null; mount | grep ' /proc '
mount -t tmpfs -o ro,nosuid,nodev,noexec,noatime x m; grep ' /tmp/w/m ' /proc/mounts | cut -d ' ' -f 1-3; grep -o 'ro,nosuid,nodev,noexec,noatime' /proc/mounts; umount m
#: mount: noexec, nodev and nosuid are kept
mkdir m; mount -t tmpfs -o noexec,nodev none m; cp /bin/busybox m; m/busybox true; echo $?; mknod m/null c 1 3; cat m/null; echo $?; umount m
#: mount: the fields of /proc/mounts and mountinfo
mkdir m; mount -t tmpfs -o size=1m src m; grep /tmp/w/m /proc/mounts | sed 's/,inode64//'; grep /tmp/w/m /proc/self/mountinfo | awk '{ print $4, $5, $6, $7, $8, $9, $10 }' | sed s/,inode64//; umount m
#: pivot_root, switch_root: refused outside their place
#! no pivot_root: ENOSYS
pivot_root /no /no; echo $?; switch_root /no /init; echo $?
#: sysctl: values read and written
sysctl kernel.ostype; sysctl kernel.hostname; sysctl -w kernel.hostname=other; hostname; sysctl -w kernel.hostname=quire; sysctl no.such; echo $?; sysctl -n vm.overcommit_memory kernel.randomize_va_space fs.pipe-max-size; sysctl -n kernel.ngroups_max fs.nr_open kernel.cap_last_cap kernel.sched_rr_timeslice_ms kernel.threads-max | wc -l; cat /proc/sys/kernel/random/boot_id | wc -c; cat /proc/sys/kernel/random/uuid | wc -c; sysctl -a 2>/dev/null | grep -c '^kernel.ostype = Linux'
#: echo, cat: files under /proc/sys
for f in kernel/ostype kernel/cap_last_cap kernel/domainname kernel/shmmni kernel/random/poolsize vm/overcommit_memory vm/overcommit_ratio vm/max_map_count fs/nr_open fs/pipe-max-size; do echo $f $(cat /proc/sys/$f); done
#: cat: parameters under /proc/sys of what is missing
#! 32 groups at most; no message queues and semaphores, no core files, no swap, no quotas of pipes
for f in kernel/ngroups_max kernel/msgmax kernel/sem kernel/core_pattern kernel/overflowuid vm/swappiness fs/pipe-user-pages-soft fs/protected_symlinks fs/protected_hardlinks; do echo $f $(cat /proc/sys/$f); done
#: hostname, uname, hostid, arch: names
hostname; hostname new; hostname; uname -n; hostname quire; uname -s; uname -o; uname -m | sed 's/aarch64\|x86_64/MACHINE/'; uname -r | sed 's/^[0-9]\.[0-9]*\.[0-9]*/N/; s/-.*//'; hostname -s; hostname -f; echo $?; hostid; arch | wc -w
#: uptime, free, nproc: load and memory
uptime | sed 's/[0-9]\+/N/g; s/up .*load/up load/'; cat /proc/loadavg | awk '{ print NF, ($1 >= 0) }'; awk '{ print NF, ($1 > 0) }' /proc/uptime; free | awk '{ print $1, NF } /Mem/ { print ($2 > 500000), ($2 > $3 + $4), ($7 > 0) }'; nproc
#: free: swap
#! compressed swap in memory is there from the start
free -m | awk '/Swap/ { print $2 }'
#: dmesg, logger, syslogd: logs
dmesg -n 3; echo $?; echo 'from a test' > /dev/kmsg; dmesg | grep -c 'from a test'; mkdir -p /var/log; syslogd -n -O log & sleep 0.4; logger -t me -p user.err message; logger second; echo third | logger; sleep 0.4; sed 's/.* quire //' log; kill %1
#: dmesg: who wrote a record
#! a record has a level, but no facility: <4> instead of <12>
echo 'from a user' > /dev/kmsg; dmesg -r | grep 'from a user' | cut -d '>' -f 1
#: mkswap, swapon, swapoff: a swap file
dd if=/dev/zero of=s bs=1k count=1000 2>/dev/null; mkswap s | sed 's/UUID=.*/UUID/'; od -An -c -j 4086 -N 10 s; swapon no; echo $?; cat /proc/swaps | head -n 1 | tr -s '\t ' ' '
#: mke2fs, mkdosfs, fdisk: file systems made in a file
dd if=/dev/zero of=d bs=1k count=2000 2>/dev/null; mke2fs -F d | head -n 3; od -An -tx2 -j 1080 -N 2 d; dd if=/dev/zero of=v bs=1k count=2000 2>/dev/null; mkdosfs -n NAME v; od -An -c -j 3 -N 7 v; od -An -c -j 71 -N 19 v; fdisk -l d; echo $?; printf 'o\nn\np\n1\n\n\nw\n' | fdisk v > o 2>&1; tail -c 2 v > /dev/null; od -An -tx1 -j 510 -N 2 v
#: stty, tty, reset, clear: without a terminal
stty; echo $?; tty < /dev/null; reset > /dev/null 2>&1; echo $?; clear | od -c | head -n 1
#: swapoff: what is no swap space
#! no swap space yet: ENOSYS
dd if=/dev/zero of=s bs=1k count=100 2>/dev/null; swapoff s; echo $?
#: adjtimex: the clock's rate
#! no such call: ENOSYS
adjtimex | awk '{ print $1 }' | head -n 3; adjtimex -q > /dev/null; echo $?
#: date: the clock set
date -s '@1700000000' -u; date -u +%Y; [ $(date +%s) -ge 1700000000 ] && [ $(date +%s) -lt 1700000030 ] && echo set
#: ls, head, stat: device files
ls -l /dev/null /dev/zero /dev/full /dev/random /dev/urandom /dev/tty | awk '{ print $1, $3, $4, $5, $6, $NF }'; head -c 10 /dev/urandom | wc -c; head -c 3 /dev/full | od -An -c; echo x > /dev/full; echo $?; cat /dev/null; echo x > /dev/null; for f in fd stdin stdout stderr; do readlink /dev/$f; done; cat /dev/tty; echo $?; stat -c '%F %a' /dev/kmsg /dev/ptmx /dev/pts /dev/shm
#: mkpasswd: passwords
mkpasswd -m sha512 -S abcdefgh secret; mkpasswd -m md5 -S abcdefgh secret; mkpasswd -m sha256 -S abcdefgh secret; mkpasswd -m des -S ab secret
#: crontab: a table of jobs
mkdir -p /var/spool/cron/crontabs; echo '* * * * * echo x' > tab; crontab tab; crontab -l; crontab -r; crontab -l; echo $?
#: grep: /proc files that programs read
head -n 1 /proc/version | cut -d ' ' -f 1,2; grep -c ^processor /proc/cpuinfo; head -n 1 /proc/stat | awk '{ print $1, NF }'; grep -E '^(ctxt|btime|processes|procs_running|procs_blocked)' /proc/stat | cut -d ' ' -f 1; awk '{ print $1 }' /proc/meminfo | grep -E '^(MemTotal|MemFree|MemAvailable|Buffers|Cached|SwapCached|Active|Inactive|SwapTotal|SwapFree|Dirty|Writeback|AnonPages|Shmem|Slab|SReclaimable|PageTables|CommitLimit):'; grep -E 'proc|sysfs|tmpfs|devpts' /proc/filesystems | sort; cut -d ' ' -f 1 /proc/vmstat | grep -E '^(pgfault|pgmajfault|pgpgin|pswpin|nr_free_pages)$' | sort; grep -c . /proc/cmdline; head -n 1 /proc/swaps | tr -s '\t ' ' '; head -n 1 /proc/devices; grep -E ' (mem|/dev/tty|/dev/console)$' /proc/devices
#: grep: memory that is not counted
#! these are not kept
grep -E '^(Unevictable|Mlocked|Mapped|Committed_AS):' /proc/meminfo | tr -d '0-9 '; grep -E '^VmHWM' /proc/self/status | tr -d '0-9 '
#: cat: /proc/PID of a known process
sleep 99 & p=$!; sleep 0.1; tr '\0' ' ' < /proc/$p/cmdline; echo; cat /proc/$p/comm; for f in exe cwd root; do readlink /proc/$p/$f; done; tr '\0' '\n' < /proc/$p/environ | sort; ls /proc/$p/fd; awk '{ print NF, $2, $3, ($4 > 0), $7, $18, $19, $20 }' /proc/$p/stat; awk '{ print NF }' /proc/$p/statm; ls /proc/$p/task | wc -l; cat /proc/$p/oom_score_adj; cat /proc/$p/limits | grep -v -e processes -e pending -e 'open files' -e locked -e msgqueue; cat /proc/$p/wchan | wc -l; cat /proc/$p/personality; cat /proc/$p/loginuid; echo; cat /proc/$p/sessionid; echo; cat /proc/$p/setgroups 2>&1 | wc -l
#: cut: /proc/PID/status
sleep 99 & p=$!; sleep 0.1; cut -f 1 /proc/$p/status | grep -v -E 'VmHWM|Kthread|Seccomp|Spec|Untag|THP|HugetlbPages|CoreDumping|NStgid|NSpid|NSpgid|NSsid|Mems_allowed|x86_'; grep -E '^(Name|Umask|State|Uid|Gid|Groups|Threads|SigQ|SigPnd|ShdPnd|SigBlk|SigIgn|SigCgt|CapPrm|CapEff|CapBnd|NoNewPrivs|TracerPid|Ngid)' /proc/$p/status | sed 's/SigQ:.*/SigQ/'
#: ls: /proc/PID's files
sleep 99 & ls /proc/$! | grep -E '^(auxv|cgroup|cmdline|comm|cwd|environ|exe|fd|fdinfo|limits|loginuid|maps|mountinfo|mounts|oom_score|oom_score_adj|pagemap|personality|root|sessionid|smaps|smaps_rollup|stat|statm|status|task|wchan)$'; ls -l /proc/$!/exe | cut -c 1-10; stat -c '%F %a' /proc/$! /proc/$!/fd /proc/$!/stat
#: stat: /proc/PID/mem
stat -c %a /proc/self/mem
#: cat: /proc/PID/fdinfo
exec 5> f; echo 12345 >&5; cat /proc/$$/fdinfo/5 | grep -v -e mnt -e ino | sed 's/0[14]00001/LARGE+1/'
#: ls: /sys as far as programs look
ls -d /sys/class /sys/devices /sys/kernel /sys/block /sys/devices/system/cpu/cpu0; cat /sys/devices/system/cpu/online /sys/devices/system/cpu/possible /sys/devices/system/cpu/present; cat /sys/kernel/mm/transparent_hugepage/enabled | tr -d '[]' | wc -w
#: nologin: no login
nologin; echo $?
#: kill: init is not killed
kill -9 1; sleep 0.1; kill -0 1; echo $?; kill -SEGV 1; kill -0 1; echo $?
#: last, who, w: no records of logins
last; echo $?; who -a 2>/dev/null; : > /run/utmp; who; w | tail -n +2; rm /run/utmp
#: ipcalc: addresses
ipcalc -n 192.168.1.5/24; ipcalc -b 10.1.2.3 255.255.0.0; ipcalc -m 172.16.0.1; ipcalc -p 1.2.3.4 255.255.255.0; ipcalc bad; echo $?
#: mt, blockdev, losetup: devices that are not there
mt -f no status; echo $?; blockdev --getsz no; echo $?; losetup -a; touch f; blockdev --getsz f; echo $?
