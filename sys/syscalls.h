// SPDX-License-Identifier: MIT
/*
 * THE list of system calls: name, arm64's (asm-generic) number, x86-64's number (-1: that CPU lacks
 * it), arguments. From it come the dispatch table (sys/syscall.c), the tracer (sys/trace.c),
 * doc/abi.md (tools/abi) and a test of wrong arguments (user/test/call_test.c). A call whose
 * function exists nowhere in the kernel returns -ENOSYS.
 *
 * An argument is a word, KIND[:DETAIL][[N]][?], which sys/argkind.h takes apart:
 *
 *   int uint long hex size off mode pid uid id dev clock sig
 *                a number; size:8 must be 8, and of others DETAIL is a value that makes sense
 *   fd           an open file; fd:any an O_PATH one too; fd:WHAT a file of that sort
 *   dirfd        where a relative path starts: a directory or AT_FDCWD
 *   flags:SET    bits; an unknown one is EINVAL. bits:SET: some unknown ones are let pass
 *   one:SET      one of several values. The sets' names are in sys/trace_names.c
 *   path, str    a string that ends in NUL; path: a file's name
 *   in:TYPE      memory that the call reads; out: that it writes; io: both. [N]: argument N says
 *                how many elements (of `bytes`: how long); ? may be a null pointer
 *   addr         an address that is not followed, or whose memory need not be there
 *   any          what it means depends on the other arguments
 */
#pragma once

/* Types behind pointers: name, size on arm64, size on x86-64, fields that the tracer shows:
 * NAME:KINDOFFSET, kinds d s32, u u32, w u32 in hexadecimal, l s64, x u64 in hexadecimal, h s16,
 * S a signal set. Size 0: it depends. */
#define SYSCALL_TYPES(X)								\
	X(bytes, 1, 1, "")								\
	X(int, 4, 4, "")								\
	X(int2, 8, 8, "")								\
	X(wstatus, 4, 4, "")								\
	X(long, 8, 8, "")								\
	X(argv, 8, 8, "")								\
	X(envp, 8, 8, "")								\
	X(sigset, 8, 8, "")								\
	X(fdset, 8, 8, "fds_bits:x0")							\
	X(sockaddr, 1, 1, "")								\
	X(timespec, 16, 16, "tv_sec:l0 tv_nsec:l8")					\
	X(timeval, 16, 16, "tv_sec:l0 tv_usec:l8")					\
	X(timespec2, 32, 32, "atime_sec:l0 atime_nsec:l8 mtime_sec:l16 mtime_nsec:l24")	\
	X(timeval2, 32, 32, "atime_sec:l0 atime_usec:l8 mtime_sec:l16 mtime_usec:l24")	\
	X(utimbuf, 16, 16, "actime:l0 modtime:l8")					\
	X(timezone, 8, 8, "tz_minuteswest:d0 tz_dsttime:d4")				\
	X(itimerspec, 32, 32, "interval_sec:l0 interval_nsec:l8 sec:l16 nsec:l24")	\
	X(itimerval, 32, 32, "interval_sec:l0 interval_usec:l8 sec:l16 usec:l24")	\
	X(timex, 208, 208, "modes:w0 offset:l8")					\
	X(tms, 32, 32, "tms_utime:l0 tms_stime:l8 tms_cutime:l16 tms_cstime:l24")	\
	X(stat, 128, 144, "st_ino:l8 st_size:l48")					\
	X(statx, 256, 256, "stx_mask:w0 stx_ino:l32 stx_size:l40")			\
	X(statfs, 120, 120, "f_type:x0 f_bsize:l8 f_blocks:l16 f_bfree:l24")		\
	X(open_how, 24, 24, "flags:x0 mode:x8 resolve:x16")				\
	X(mount_attr, 32, 32, "attr_set:x0 attr_clr:x8")				\
	X(handle, 8, 8, "handle_bytes:u0 handle_type:d4")				\
	X(utsname, 390, 390, "")							\
	X(sysinfo, 112, 112, "uptime:l0 totalram:l32 freeram:l40")			\
	X(rusage, 144, 144, "utime_sec:l0 utime_usec:l8 stime_sec:l16 stime_usec:l24")	\
	X(rlimit, 16, 16, "cur:l0 max:l8")						\
	X(sigaction, 32, 32, "handler:x0 flags:x8 mask:S24")				\
	X(sigarg, 16, 16, "set:x0 size:l8")						\
	X(siginfo, 128, 128, "si_signo:d0 si_errno:d4 si_code:d8")			\
	X(sigevent, 64, 64, "value:x0 signo:d8 notify:d12")				\
	X(stack, 24, 24, "ss_sp:x0 ss_flags:w8 ss_size:l16")				\
	X(pollfd, 8, 8, "fd:d0 events_revents:w4")					\
	X(epoll, 16, 12, "events:w0")							\
	X(iovec, 16, 16, "iov_base:x0 iov_len:l8")					\
	X(msghdr, 56, 56, "name:x0 iov:x16 iovlen:l24 control:x32 controllen:l40")	\
	X(mmsghdr, 64, 64, "name:x0 iov:x16 iovlen:l24 control:x32 controllen:l40")	\
	X(clone_args, 64, 64, "flags:x0 exit_signal:l32 stack:x40 stack_size:l48")	\
	X(cap_header, 8, 8, "version:w0 pid:d4")					\
	X(cap_data, 24, 24, "effective:w0 permitted:w4 inheritable:w8")			\
	X(sched_attr, 48, 48, "size:u0 policy:u4 flags:x8 nice:d16 priority:u20")	\
	X(rseq, 32, 32, "")								\
	X(uring, 120, 120, "")								\
	X(futex_waitv, 24, 24, "val:l0 uaddr:x8 flags:w16")				\
	X(futex_waitv2, 48, 48, "val:l0 uaddr:x8 flags:w16 to:x32")			\
	X(sembuf, 6, 6, "")								\
	X(msgbuf, 8, 8, "mtype:l0")							\
	X(mq_attr, 64, 64, "")								\
	X(perf_attr, 64, 64, "")

#define SYSCALLS(X)									\
	/* Files */									\
	X(read, 63, 0, "fd out:bytes[2] size")						\
	X(write, 64, 1, "fd in:bytes[2] size")						\
	X(readv, 65, 19, "fd in:iovec[2] int")						\
	X(writev, 66, 20, "fd in:iovec[2] int")						\
	X(pread64, 67, 17, "fd out:bytes[2] size off")					\
	X(pwrite64, 68, 18, "fd in:bytes[2] size off")					\
	X(preadv, 69, 295, "fd in:iovec[2] int off")					\
	X(pwritev, 70, 296, "fd in:iovec[2] int off")					\
	X(preadv2, 286, 327, "fd in:iovec[2] int off any flags:rwf")			\
	X(pwritev2, 287, 328, "fd in:iovec[2] int off any flags:rwf")			\
	X(open, -1, 2, "path bits:open mode")						\
	X(openat, 56, 257, "dirfd path bits:open mode")					\
	X(openat2, 437, 437, "dirfd path in:open_how size:24")				\
	X(creat, -1, 85, "path mode")							\
	X(close, 57, 3, "fd:any")							\
	X(close_range, 436, 436, "uint uint flags:close_range")				\
	X(lseek, 62, 8, "fd off one:seek")						\
	X(dup, 23, 32, "fd:any")							\
	X(dup2, -1, 33, "fd:any int")							\
	X(dup3, 24, 292, "fd:any int flags:cloexec")					\
	X(pipe, -1, 22, "out:int2")							\
	X(pipe2, 59, 293, "out:int2 flags:pipe")					\
	X(fcntl, 25, 72, "fd:any one:fcntl any")					\
	X(flock, 32, 73, "fd one:flock")						\
	X(ioctl, 29, 16, "fd one:ioctl any")						\
	X(sendfile, 71, 40, "fd fd io:long? size")					\
	X(splice, 76, 275, "fd:out io:long? fd io:long? size bits:splice")		\
	X(tee, 77, 276, "fd fd size bits:splice")					\
	X(vmsplice, 75, 278, "fd:in in:iovec[2] ulong bits:splice")			\
	X(copy_file_range, 285, 326, "fd io:long? fd io:long? size flags:none")		\
	X(readahead, 213, 187, "fd off size")						\
	X(sync, 81, 162, "")								\
	X(syncfs, 267, 306, "fd")							\
	X(fsync, 82, 74, "fd")								\
	X(fdatasync, 83, 75, "fd")							\
	X(sync_file_range, 84, 277, "fd off off flags:sync_range")			\
	X(fadvise64, 223, 221, "fd off size one:fadvise")				\
	X(truncate, 45, 76, "path off")							\
	X(ftruncate, 46, 77, "fd off")							\
	X(fallocate, 47, 285, "fd bits:fallocate off off:1")				\
	/* Names and attributes */							\
	X(stat, -1, 4, "path out:stat")							\
	X(lstat, -1, 6, "path out:stat")						\
	X(fstat, 80, 5, "fd:any out:stat")						\
	X(newfstatat, 79, 262, "dirfd path out:stat flags:at")				\
	X(statx, 291, 332, "dirfd path flags:at bits:statx out:statx")			\
	X(statfs, 43, 137, "path out:statfs")						\
	X(fstatfs, 44, 138, "fd:any out:statfs")					\
	X(access, -1, 21, "path flags:access")						\
	X(faccessat, 48, 269, "dirfd path flags:access")				\
	X(faccessat2, 439, 439, "dirfd path flags:access flags:at")			\
	X(readlink, -1, 89, "path out:bytes[2] int")					\
	X(readlinkat, 78, 267, "dirfd path out:bytes[3] int")				\
	X(unlink, -1, 87, "path")							\
	X(unlinkat, 35, 263, "dirfd path flags:unlink")					\
	X(rmdir, -1, 84, "path")							\
	X(mkdir, -1, 83, "path mode")							\
	X(mkdirat, 34, 258, "dirfd path mode")						\
	X(mknod, -1, 133, "path mode dev")						\
	X(mknodat, 33, 259, "dirfd path mode dev")					\
	X(rename, -1, 82, "path path")							\
	X(renameat, 38, 264, "dirfd path dirfd path")					\
	X(renameat2, 276, 316, "dirfd path dirfd path flags:rename")			\
	X(link, -1, 86, "path path")							\
	X(linkat, 37, 265, "dirfd path dirfd path flags:link")				\
	X(symlink, -1, 88, "path path")							\
	X(symlinkat, 36, 266, "path dirfd path")					\
	X(chmod, -1, 90, "path mode")							\
	X(fchmod, 52, 91, "fd mode")							\
	X(fchmodat, 53, 268, "dirfd path mode")						\
	X(fchmodat2, 452, 452, "dirfd path mode flags:at")				\
	X(chown, -1, 92, "path uid uid")						\
	X(lchown, -1, 94, "path uid uid")						\
	X(fchown, 55, 93, "fd uid uid")							\
	X(fchownat, 54, 260, "dirfd path uid uid flags:at")				\
	X(utime, -1, 132, "path in:utimbuf?")						\
	X(utimes, -1, 235, "path in:timeval2?")						\
	X(futimesat, -1, 261, "dirfd path in:timeval2?")				\
	X(utimensat, 88, 280, "dirfd path in:timespec2? flags:at")			\
	X(getdents, -1, 78, "fd:dir out:bytes[2] uint:256")				\
	X(getdents64, 61, 217, "fd:dir out:bytes[2] uint:256")				\
	X(getcwd, 17, 79, "out:bytes[1] size")						\
	X(chdir, 49, 80, "path")							\
	X(fchdir, 50, 81, "fd:dir")							\
	X(chroot, 51, 161, "path")							\
	X(pivot_root, 41, 155, "path path")						\
	X(umask, 166, 95, "mode")							\
	X(mount, 40, 165, "str? path str? bits:mount any")				\
	X(umount2, 39, 166, "path flags:umount")					\
	X(fsopen, 430, 430, "str flags:fsopen")						\
	X(fsconfig, 431, 431, "fd:fs one:fsconfig str any int")				\
	X(fsmount, 432, 432, "fd:fs flags:fsopen hex")					\
	X(fspick, 433, 433, "dirfd path flags:fspick")					\
	X(move_mount, 429, 429, "dirfd path dirfd path flags:move_mount")		\
	X(open_tree, 428, 428, "dirfd path flags:open_tree")				\
	X(mount_setattr, 442, 442, "dirfd path flags:at in:mount_attr size:32")		\
	X(setxattr, 5, 188, "path str in:bytes[3] size flags:xattr")			\
	X(lsetxattr, 6, 189, "path str in:bytes[3] size flags:xattr")			\
	X(fsetxattr, 7, 190, "fd str in:bytes[3] size flags:xattr")			\
	X(getxattr, 8, 191, "path str out:bytes[3] size")				\
	X(lgetxattr, 9, 192, "path str out:bytes[3] size")				\
	X(fgetxattr, 10, 193, "fd str out:bytes[3] size")				\
	X(listxattr, 11, 194, "path out:bytes[2] size")					\
	X(llistxattr, 12, 195, "path out:bytes[2] size")				\
	X(flistxattr, 13, 196, "fd out:bytes[2] size")					\
	X(removexattr, 14, 197, "path str")						\
	X(lremovexattr, 15, 198, "path str")						\
	X(fremovexattr, 16, 199, "fd str")						\
	X(name_to_handle_at, 264, 303, "dirfd path io:handle out:int flags:at")		\
	X(open_by_handle_at, 265, 304, "dirfd in:handle bits:open")			\
	X(quotactl, 60, 179, "hex path uid any")					\
	/* Waiting for files */								\
	X(poll, -1, 7, "io:pollfd[1] uint int")						\
	X(ppoll, 73, 271, "io:pollfd[1] uint in:timespec? in:sigset? size:8")		\
	X(select, -1, 23, "int:8 io:fdset? io:fdset? io:fdset? io:timeval?")		\
	X(pselect6, 72, 270, "int:8 io:fdset? io:fdset? io:fdset? io:timespec? in:sigarg?") \
	X(epoll_create, -1, 213, "int:1")						\
	X(epoll_create1, 20, 291, "flags:cloexec")					\
	X(epoll_ctl, 21, 233, "fd:epoll one:epoll fd:pipe in:epoll")			\
	X(epoll_wait, -1, 232, "fd:epoll out:epoll[2] int int")				\
	X(epoll_pwait, 22, 281, "fd:epoll out:epoll[2] int int in:sigset? size:8")	\
	X(epoll_pwait2, 441, 441, "fd:epoll out:epoll[2] int in:timespec? in:sigset? size:8") \
	X(eventfd, -1, 284, "uint")							\
	X(eventfd2, 19, 290, "uint flags:eventfd")					\
	X(timerfd_create, 85, 283, "clock flags:nonblock")				\
	X(timerfd_settime, 86, 286, "fd:timer flags:timerfd in:itimerspec out:itimerspec?") \
	X(timerfd_gettime, 87, 287, "fd:timer out:itimerspec")				\
	X(signalfd, -1, 282, "int:-1 in:sigset size:8")					\
	X(signalfd4, 74, 289, "int:-1 in:sigset size:8 flags:nonblock")			\
	X(inotify_init, -1, 253, "")							\
	X(inotify_init1, 26, 294, "flags:nonblock")					\
	X(inotify_add_watch, 27, 254, "fd:inotify path bits:inotify")			\
	X(inotify_rm_watch, 28, 255, "fd:inotify int")					\
	X(fanotify_init, 262, 300, "hex bits:open")					\
	X(fanotify_mark, 263, 301, "fd hex hex dirfd path")				\
	X(io_setup, 0, 206, "uint:1 io:long")						\
	X(io_destroy, 1, 207, "hex")							\
	X(io_submit, 2, 209, "hex long any")						\
	X(io_cancel, 3, 210, "hex any any")						\
	X(io_getevents, 4, 208, "hex long long any in:timespec?")			\
	X(io_uring_setup, 425, 425, "uint io:uring")					\
	X(io_uring_enter, 426, 426, "fd uint uint hex any size")			\
	X(io_uring_register, 427, 427, "fd uint any uint")				\
	/* Memory */									\
	X(brk, 214, 12, "addr")								\
	X(mmap, 222, 9, "addr size bits:prot bits:map int:-1 off")			\
	X(munmap, 215, 11, "addr size")							\
	X(mprotect, 226, 10, "addr size flags:prot")					\
	X(mremap, 216, 25, "addr size size flags:mremap addr")				\
	X(madvise, 233, 28, "addr size one:madvise")					\
	X(process_madvise, 440, 440, "fd:pid in:iovec[2] size one:madvise flags:none")	\
	X(mseal, 462, 462, "addr size flags:none")					\
	X(mincore, 232, 27, "addr size out:bytes")					\
	X(msync, 227, 26, "addr size flags:msync")					\
	X(mlock, 228, 149, "addr size")							\
	X(mlock2, 284, 325, "addr size flags:mlock2")					\
	X(munlock, 229, 150, "addr size")						\
	X(mlockall, 230, 151, "flags:mlockall")						\
	X(munlockall, 231, 152, "")							\
	X(remap_file_pages, 234, 216, "addr size bits:prot size bits:map")		\
	X(memfd_create, 279, 319, "str flags:memfd")					\
	X(memfd_secret, 447, 447, "flags:none")						\
	X(userfaultfd, 282, 323, "flags:nonblock")					\
	X(process_vm_readv, 270, 310, "pid in:iovec[2] ulong any ulong flags:none")	\
	X(process_vm_writev, 271, 311, "pid in:iovec[2] ulong any ulong flags:none")	\
	X(pkey_mprotect, 288, 329, "addr size flags:prot int:-1")			\
	X(pkey_alloc, 289, 330, "flags:none hex")					\
	X(pkey_free, 290, 331, "int")							\
	X(mbind, 235, 237, "addr size hex any ulong hex")				\
	X(set_mempolicy, 237, 238, "int any ulong")					\
	X(get_mempolicy, 236, 239, "out:int? any ulong addr hex")			\
	X(membarrier, 283, 324, "one:membarrier hex int")				\
	/* Processes */									\
	X(clone, 220, 56, "bits:clone addr out:int? any any")				\
	X(clone3, 435, 435, "in:clone_args size:64")					\
	X(fork, -1, 57, "")								\
	X(vfork, -1, 58, "")								\
	X(execve, 221, 59, "path in:argv in:envp")					\
	X(execveat, 281, 322, "dirfd path in:argv in:envp flags:at")			\
	X(exit, 93, 60, "int")								\
	X(exit_group, 94, 231, "int")							\
	X(wait4, 260, 61, "pid out:wstatus? flags:wait out:rusage?")			\
	X(waitid, 95, 247, "one:idtype pid out:siginfo? flags:wait out:rusage?")	\
	X(set_tid_address, 96, 218, "addr")						\
	X(getpid, 172, 39, "")								\
	X(getppid, 173, 110, "")							\
	X(gettid, 178, 186, "")								\
	X(getpgid, 155, 121, "pid")							\
	X(setpgid, 154, 109, "pid pid")							\
	X(getpgrp, -1, 111, "")								\
	X(getsid, 156, 124, "pid")							\
	X(setsid, 157, 112, "")								\
	X(pidfd_open, 434, 434, "pid:1 flags:pidfd")					\
	X(pidfd_send_signal, 424, 424, "fd:pid sig in:siginfo? flags:none")		\
	X(pidfd_getfd, 438, 438, "fd:pid int flags:none")				\
	X(kcmp, 272, 312, "pid pid int ulong ulong")					\
	X(ptrace, 117, 101, "one:ptrace pid any any")					\
	X(unshare, 97, 272, "flags:clone")						\
	X(setns, 268, 308, "fd hex")							\
	X(prctl, 167, 157, "one:prctl any any any any")					\
	X(arch_prctl, -1, 158, "one:arch_prctl any")					\
	X(personality, 92, 135, "hex")							\
	X(seccomp, 277, 317, "uint hex any")						\
	X(rseq, 293, 334, "io:rseq size:32 flags:rseq hex")				\
	/* Identity */									\
	X(getuid, 174, 102, "")								\
	X(geteuid, 175, 107, "")							\
	X(getgid, 176, 104, "")								\
	X(getegid, 177, 108, "")							\
	X(setuid, 146, 105, "uid")							\
	X(setgid, 144, 106, "uid")							\
	X(setreuid, 145, 113, "uid uid")						\
	X(setregid, 143, 114, "uid uid")						\
	X(setresuid, 147, 117, "uid uid uid")						\
	X(setresgid, 149, 119, "uid uid uid")						\
	X(getresuid, 148, 118, "out:int out:int out:int")				\
	X(getresgid, 150, 120, "out:int out:int out:int")				\
	X(setfsuid, 151, 122, "uid")							\
	X(setfsgid, 152, 123, "uid")							\
	X(getgroups, 158, 115, "int out:int[0]")					\
	X(setgroups, 159, 116, "int in:int[0]")						\
	X(capget, 90, 125, "io:cap_header out:cap_data?")				\
	X(capset, 91, 126, "in:cap_header in:cap_data")					\
	/* Signals */									\
	X(kill, 129, 62, "pid sig")							\
	X(tkill, 130, 200, "pid sig")							\
	X(tgkill, 131, 234, "pid pid sig")						\
	X(rt_sigaction, 134, 13, "sig in:sigaction? out:sigaction? size:8")		\
	X(rt_sigprocmask, 135, 14, "one:sigmask in:sigset? out:sigset? size:8")		\
	X(rt_sigreturn, 139, 15, "")							\
	X(rt_sigsuspend, 133, 130, "in:sigset size:8")					\
	X(rt_sigpending, 136, 127, "out:sigset size:8")					\
	X(rt_sigtimedwait, 137, 128, "in:sigset out:siginfo? in:timespec? size:8")	\
	X(rt_sigqueueinfo, 138, 129, "pid sig in:siginfo")				\
	X(rt_tgsigqueueinfo, 240, 297, "pid pid sig in:siginfo")			\
	X(sigaltstack, 132, 131, "in:stack? out:stack?")				\
	X(pause, -1, 34, "")								\
	X(alarm, -1, 37, "uint")							\
	X(restart_syscall, 128, 219, "")						\
	/* Time */									\
	X(nanosleep, 101, 35, "in:timespec out:timespec?")				\
	X(clock_nanosleep, 115, 230, "clock bits:timer in:timespec out:timespec?")	\
	X(clock_gettime, 113, 228, "clock out:timespec")				\
	X(clock_settime, 112, 227, "clock in:timespec")					\
	X(clock_getres, 114, 229, "clock out:timespec?")				\
	X(clock_adjtime, 266, 305, "clock io:timex")					\
	X(adjtimex, 171, 159, "io:timex")						\
	X(gettimeofday, 169, 96, "out:timeval? out:timezone?")				\
	X(settimeofday, 170, 164, "in:timeval? in:timezone?")				\
	X(time, -1, 201, "out:long?")							\
	X(times, 153, 100, "out:tms?")							\
	X(getitimer, 102, 36, "one:itimer out:itimerval")				\
	X(setitimer, 103, 38, "one:itimer in:itimerval? out:itimerval?")		\
	X(timer_create, 107, 222, "clock in:sigevent? out:int")				\
	X(timer_settime, 110, 223, "int bits:timer in:itimerspec out:itimerspec?")	\
	X(timer_gettime, 108, 224, "int out:itimerspec")				\
	X(timer_getoverrun, 109, 225, "int")						\
	X(timer_delete, 111, 226, "int")						\
	/* Threads and the scheduler */							\
	X(futex, 98, 202, "io:int one:futex uint any any uint")				\
	X(futex_waitv, 449, 449, "in:futex_waitv[1] uint:1 flags:none in:timespec? clock") \
	X(futex_wake, 454, 454, "in:int hex int flags:futex2")				\
	X(futex_wait, 455, 455, "in:int ulong hex flags:futex2 in:timespec? clock")	\
	X(futex_requeue, 456, 456, "in:futex_waitv2 flags:none int int")		\
	X(set_robust_list, 99, 273, "addr size")					\
	X(get_robust_list, 100, 274, "pid out:long out:long")				\
	X(sched_yield, 124, 24, "")							\
	X(sched_getaffinity, 123, 204, "pid size out:bytes[1]")				\
	X(sched_setaffinity, 122, 203, "pid size in:bytes[1]")				\
	X(sched_getscheduler, 120, 145, "pid")						\
	X(sched_setscheduler, 119, 144, "pid one:sched in:int")				\
	X(sched_getparam, 121, 143, "pid out:int")					\
	X(sched_setparam, 118, 142, "pid in:int")					\
	X(sched_getattr, 275, 315, "pid out:sched_attr uint:56 flags:none")		\
	X(sched_setattr, 274, 314, "pid in:sched_attr flags:none")			\
	X(sched_get_priority_max, 125, 146, "one:sched")				\
	X(sched_get_priority_min, 126, 147, "one:sched")				\
	X(sched_rr_get_interval, 127, 148, "pid out:timespec")				\
	X(getpriority, 141, 140, "int id")						\
	X(setpriority, 140, 141, "int id int")						\
	X(ioprio_get, 31, 252, "int id")						\
	X(ioprio_set, 30, 251, "int id int")						\
	X(getcpu, 168, 309, "out:int? out:int? any")					\
	/* The system */								\
	X(prlimit64, 261, 302, "pid one:rlimit in:rlimit? out:rlimit?")			\
	X(getrlimit, 163, 97, "one:rlimit out:rlimit")					\
	X(setrlimit, 164, 160, "one:rlimit in:rlimit")					\
	X(getrusage, 165, 98, "one:rusage out:rusage")					\
	X(sysinfo, 179, 99, "out:sysinfo")						\
	X(uname, 160, 63, "out:utsname")						\
	X(sethostname, 161, 170, "in:bytes[1] size")					\
	X(setdomainname, 162, 171, "in:bytes[1] size")					\
	X(getrandom, 278, 318, "out:bytes[1] size flags:random")			\
	X(reboot, 142, 169, "hex hex hex any")						\
	X(syslog, 116, 103, "int any int")						\
	X(swapon, 224, 167, "path hex")							\
	X(swapoff, 225, 168, "path")							\
	X(acct, 89, 163, "path")							\
	X(vhangup, 58, 153, "")								\
	X(init_module, 105, 175, "in:bytes[1] size str")				\
	X(delete_module, 106, 176, "str hex")						\
	X(finit_module, 273, 313, "fd str hex")						\
	X(kexec_load, 104, 246, "ulong ulong any hex")					\
	X(kexec_file_load, 294, 320, "fd fd size str hex")				\
	X(bpf, 280, 321, "int any uint")						\
	X(perf_event_open, 241, 298, "in:perf_attr pid int int hex")			\
	X(add_key, 217, 248, "str str? in:bytes[3]? size int")				\
	X(request_key, 218, 249, "str str str? int")					\
	X(keyctl, 219, 250, "int any any any any")					\
	X(iopl, -1, 172, "int")								\
	X(ioperm, -1, 173, "ulong ulong int")						\
	X(modify_ldt, -1, 154, "int any ulong")						\
	/* System V and POSIX message passing */					\
	X(shmget, 194, 29, "int size hex")						\
	X(shmat, 196, 30, "int addr hex")						\
	X(shmctl, 195, 31, "int int any")						\
	X(shmdt, 197, 67, "addr")							\
	X(semget, 190, 64, "int int hex")						\
	X(semop, 193, 65, "int in:sembuf[2] size")					\
	X(semtimedop, 192, 220, "int in:sembuf[2] size in:timespec?")			\
	X(semctl, 191, 66, "int int int any")						\
	X(msgget, 186, 68, "int hex")							\
	X(msgsnd, 189, 69, "int in:msgbuf size hex")					\
	X(msgrcv, 188, 70, "int out:msgbuf size long hex")				\
	X(msgctl, 187, 71, "int int any")						\
	X(mq_open, 180, 240, "path bits:open mode any")					\
	X(mq_unlink, 181, 241, "path")							\
	X(mq_timedsend, 182, 242, "fd:mq in:bytes[2] size uint in:timespec?")		\
	X(mq_timedreceive, 183, 243, "fd:mq out:bytes[2] size out:int? in:timespec?")	\
	X(mq_notify, 184, 244, "fd:mq in:sigevent?")					\
	X(mq_getsetattr, 185, 245, "fd:mq in:mq_attr? out:mq_attr?")			\
	/* Sockets */									\
	X(socket, 198, 41, "one:family bits:socket int")				\
	X(socketpair, 199, 53, "one:family bits:socket int out:int2")			\
	X(bind, 200, 49, "fd:socket in:sockaddr[2] int")				\
	X(listen, 201, 50, "fd:socket int")						\
	X(accept, 202, 43, "fd:listen out:sockaddr? io:int?")				\
	X(accept4, 242, 288, "fd:listen out:sockaddr? io:int? flags:accept")		\
	X(connect, 203, 42, "fd:socket in:sockaddr[2] int")				\
	X(getsockname, 204, 51, "fd:socket out:sockaddr io:int")			\
	X(getpeername, 205, 52, "fd:socket out:sockaddr io:int")			\
	X(sendto, 206, 44, "fd:socket in:bytes[2] size bits:msg in:sockaddr[5]? int")	\
	X(recvfrom, 207, 45, "fd:socket out:bytes[2] size bits:msg out:sockaddr? io:int?") \
	X(sendmsg, 211, 46, "fd:socket in:msghdr bits:msg")				\
	X(recvmsg, 212, 47, "fd:socket io:msghdr bits:msg")				\
	X(sendmmsg, 269, 307, "fd:socket io:mmsghdr[2] uint bits:msg")			\
	X(recvmmsg, 243, 299, "fd:socket io:mmsghdr[2] uint bits:msg in:timespec?")	\
	X(setsockopt, 208, 54, "fd:socket one:sol one:sockopt in:bytes[4] int")		\
	X(getsockopt, 209, 55, "fd:socket one:sol one:sockopt out:bytes io:int")	\
	X(shutdown, 210, 48, "fd:socket one:shutdown")

/* Calls that need the whole frame (arch/arch.h): they copy all registers or replace them, or a tracer may look at them while the
 * call stops. */
#define SYSCALLS_WHOLE(X)								\
	X(clone) X(clone3) X(fork) X(vfork)						\
	X(execve) X(execveat) X(rt_sigreturn)						\
	X(exit) X(exit_group)
