// SPDX-License-Identifier: MIT
/* Names of the values in system calls' arguments. A set is listed once, at the end. */
#include "sys/trace_names.h"
#include "fs/file.h"
#include "lib/errno.h"
#include "lib/string.h"

/* A value or bit; bits that count as a whole. */
#define V(name, value) { #name, value, 0 }
#define PART(name, value, mask) { #name, value, mask }

static const struct value_name set_open[] = {
	PART(O_RDONLY, 0, 3), PART(O_WRONLY, 1, 3), PART(O_RDWR, 2, 3), V(O_CREAT, 0100),
	V(O_EXCL, 0200), V(O_NOCTTY, 0400), V(O_TRUNC, 01000), V(O_APPEND, 02000),
	V(O_NONBLOCK, 04000), PART(O_SYNC, 04010000, 04010000), PART(O_DSYNC, 010000, 04010000),
	V(O_ASYNC, 020000), V(O_DIRECT, O_DIRECT), V(O_LARGEFILE, O_LARGEFILE),
	PART(O_TMPFILE, O_TMPFILE, O_TMPFILE), PART(O_DIRECTORY, O_DIRECTORY, O_TMPFILE),
	V(O_NOFOLLOW, O_NOFOLLOW), V(O_NOATIME, 01000000), V(O_CLOEXEC, 02000000),
	V(O_PATH, 010000000),
	{}
};

static const struct value_name set_cloexec[] = {
	V(O_CLOEXEC, 02000000),
	{}
};

static const struct value_name set_nonblock[] = {
	V(O_NONBLOCK, 04000), V(O_CLOEXEC, 02000000),
	{}
};

static const struct value_name set_pipe[] = {
	V(O_NONBLOCK, 04000), V(O_DIRECT, O_DIRECT), V(O_CLOEXEC, 02000000),
	V(O_NOTIFICATION_PIPE, 0200),
	{}
};

static const struct value_name set_eventfd[] = {
	V(EFD_SEMAPHORE, 1), V(EFD_NONBLOCK, 04000), V(EFD_CLOEXEC, 02000000),
	{}
};

static const struct value_name set_at[] = {
	V(AT_SYMLINK_NOFOLLOW, 0x100), V(AT_EACCESS, 0x200), V(AT_SYMLINK_FOLLOW, 0x400),
	V(AT_NO_AUTOMOUNT, 0x800), V(AT_EMPTY_PATH, 0x1000),
	PART(AT_STATX_FORCE_SYNC, 0x2000, 0x6000), PART(AT_STATX_DONT_SYNC, 0x4000, 0x6000),
	V(AT_RECURSIVE, 0x8000),
	{}
};

static const struct value_name set_unlink[] = {
	V(AT_REMOVEDIR, 0x200),
	{}
};

static const struct value_name set_link[] = {
	V(AT_SYMLINK_FOLLOW, 0x400), V(AT_EMPTY_PATH, 0x1000),
	{}
};

static const struct value_name set_rename[] = {
	V(RENAME_NOREPLACE, 1), V(RENAME_EXCHANGE, 2), V(RENAME_WHITEOUT, 4),
	{}
};

static const struct value_name set_access[] = {
	PART(F_OK, 0, 7), V(R_OK, 4), V(W_OK, 2), V(X_OK, 1),
	{}
};

static const struct value_name set_statx[] = {
	PART(STATX_ALL, 0xfff, 0xfff), PART(STATX_BASIC_STATS, 0x7ff, 0xfff), V(STATX_TYPE, 1),
	V(STATX_MODE, 2), V(STATX_NLINK, 4), V(STATX_UID, 8), V(STATX_GID, 0x10),
	V(STATX_ATIME, 0x20), V(STATX_MTIME, 0x40), V(STATX_CTIME, 0x80), V(STATX_INO, 0x100),
	V(STATX_SIZE, 0x200), V(STATX_BLOCKS, 0x400), V(STATX_BTIME, 0x800),
	V(STATX_MNT_ID, 0x1000),
	{}
};

static const struct value_name set_close_range[] = {
	V(CLOSE_RANGE_UNSHARE, 2), V(CLOSE_RANGE_CLOEXEC, 4),
	{}
};

static const struct value_name set_seek[] = {
	V(SEEK_SET, 0), V(SEEK_CUR, 1), V(SEEK_END, 2), V(SEEK_DATA, 3), V(SEEK_HOLE, 4),
	{}
};

static const struct value_name set_rwf[] = {
	V(RWF_HIPRI, 1), V(RWF_DSYNC, 2), V(RWF_SYNC, 4), V(RWF_NOWAIT, 8), V(RWF_APPEND, 0x10),
	V(RWF_NOAPPEND, 0x20), V(RWF_ATOMIC, 0x40), V(RWF_DONTCACHE, 0x80),
	{}
};

static const struct value_name set_fcntl[] = {
	V(F_DUPFD, 0), V(F_GETFD, 1), V(F_SETFD, 2), V(F_GETFL, 3), V(F_SETFL, 4), V(F_GETLK, 5),
	V(F_SETLK, 6), V(F_SETLKW, 7), V(F_SETOWN, 8), V(F_GETOWN, 9), V(F_SETSIG, 10),
	V(F_GETSIG, 11), V(F_SETOWN_EX, 15), V(F_GETOWN_EX, 16), V(F_GETOWNER_UIDS, 17),
	V(F_OFD_GETLK, 36), V(F_OFD_SETLK, 37), V(F_OFD_SETLKW, 38), V(F_SETLEASE, 1024),
	V(F_GETLEASE, 1025), V(F_NOTIFY, 1026), V(F_DUPFD_QUERY, 1027), V(F_CREATED_QUERY, 1028),
	V(F_CANCELLK, 1029), V(F_DUPFD_CLOEXEC, 1030), V(F_SETPIPE_SZ, 1031),
	V(F_GETPIPE_SZ, 1032), V(F_ADD_SEALS, 1033), V(F_GET_SEALS, 1034), V(F_GET_RW_HINT, 1035),
	V(F_SET_RW_HINT, 1036), V(F_GET_FILE_RW_HINT, 1037), V(F_SET_FILE_RW_HINT, 1038),
	{}
};

static const struct value_name set_ioctl[] = {
	V(TCGETS, 0x5401), V(TCSETS, 0x5402), V(TCSETSW, 0x5403), V(TCSETSF, 0x5404),
	V(TCGETA, 0x5405), V(TCSETA, 0x5406), V(TCSETAW, 0x5407), V(TCSETAF, 0x5408),
	V(TCSBRK, 0x5409), V(TCXONC, 0x540a), V(TCFLSH, 0x540b), V(TIOCEXCL, 0x540c),
	V(TIOCNXCL, 0x540d), V(TIOCSCTTY, 0x540e), V(TIOCGPGRP, 0x540f), V(TIOCSPGRP, 0x5410),
	V(TIOCOUTQ, 0x5411), V(TIOCSTI, 0x5412), V(TIOCGWINSZ, 0x5413), V(TIOCSWINSZ, 0x5414),
	V(TIOCMGET, 0x5415), V(TIOCMBIS, 0x5416), V(TIOCMBIC, 0x5417), V(TIOCMSET, 0x5418),
	V(FIONREAD, 0x541b), V(TIOCLINUX, 0x541c), V(TIOCCONS, 0x541d), V(TIOCPKT, 0x5420),
	V(FIONBIO, 0x5421), V(TIOCNOTTY, 0x5422), V(TIOCSETD, 0x5423), V(TIOCGETD, 0x5424),
	V(TCSBRKP, 0x5425), V(TIOCSBRK, 0x5427), V(TIOCCBRK, 0x5428), V(TIOCGSID, 0x5429),
	V(TCGETS2, 0x802c542a), V(TCSETS2, 0x402c542b), V(TIOCGPTN, 0x80045430),
	V(TIOCSPTLCK, 0x40045431), V(TIOCGPTPEER, 0x5441), V(FIONCLEX, 0x5450),
	V(FIOCLEX, 0x5451), V(FIOASYNC, 0x5452), V(SIOCATMARK, 0x8905), V(SIOCGIFCONF, 0x8912),
	V(SIOCGIFFLAGS, 0x8913), V(SIOCSIFFLAGS, 0x8914), V(SIOCGIFADDR, 0x8915),
	V(SIOCSIFADDR, 0x8916), V(SIOCGIFNETMASK, 0x891b), V(SIOCGIFMTU, 0x8921),
	V(SIOCGIFHWADDR, 0x8927), V(SIOCGIFINDEX, 0x8933),
	{}
};

static const struct value_name set_flock[] = {
	PART(LOCK_SH, 1, 3), PART(LOCK_EX, 2, 3), V(LOCK_NB, 4), V(LOCK_UN, 8),
	{}
};

static const struct value_name set_splice[] = {
	V(SPLICE_F_MOVE, 1), V(SPLICE_F_NONBLOCK, 2), V(SPLICE_F_MORE, 4), V(SPLICE_F_GIFT, 8),
	{}
};

static const struct value_name set_sync_range[] = {
	V(SYNC_FILE_RANGE_WAIT_BEFORE, 1), V(SYNC_FILE_RANGE_WRITE, 2),
	V(SYNC_FILE_RANGE_WAIT_AFTER, 4),
	{}
};

static const struct value_name set_fadvise[] = {
	V(POSIX_FADV_NORMAL, 0), V(POSIX_FADV_RANDOM, 1), V(POSIX_FADV_SEQUENTIAL, 2),
	V(POSIX_FADV_WILLNEED, 3), V(POSIX_FADV_DONTNEED, 4), V(POSIX_FADV_NOREUSE, 5),
	{}
};

static const struct value_name set_fallocate[] = {
	V(FALLOC_FL_KEEP_SIZE, 1), V(FALLOC_FL_PUNCH_HOLE, 2), V(FALLOC_FL_COLLAPSE_RANGE, 8),
	V(FALLOC_FL_ZERO_RANGE, 0x10), V(FALLOC_FL_INSERT_RANGE, 0x20),
	V(FALLOC_FL_UNSHARE_RANGE, 0x40),
	{}
};

static const struct value_name set_mount[] = {
	V(MS_RDONLY, 1), V(MS_NOSUID, 2), V(MS_NODEV, 4), V(MS_NOEXEC, 8),
	V(MS_SYNCHRONOUS, 0x10), V(MS_REMOUNT, 0x20), V(MS_MANDLOCK, 0x40), V(MS_DIRSYNC, 0x80),
	V(MS_NOSYMFOLLOW, 0x100), V(MS_NOATIME, 0x400), V(MS_NODIRATIME, 0x800),
	V(MS_BIND, 0x1000), V(MS_MOVE, 0x2000), V(MS_REC, 0x4000), V(MS_SILENT, 0x8000),
	V(MS_UNBINDABLE, 0x20000), V(MS_PRIVATE, 0x40000), V(MS_SLAVE, 0x80000),
	V(MS_SHARED, 0x100000), V(MS_RELATIME, 0x200000), V(MS_STRICTATIME, 0x1000000),
	V(MS_LAZYTIME, 0x2000000),
	{}
};

static const struct value_name set_umount[] = {
	V(MNT_FORCE, 1), V(MNT_DETACH, 2), V(MNT_EXPIRE, 4), V(UMOUNT_NOFOLLOW, 8),
	{}
};

static const struct value_name set_xattr[] = {
	V(XATTR_CREATE, 1), V(XATTR_REPLACE, 2),
	{}
};

static const struct value_name set_epoll[] = {
	V(EPOLL_CTL_ADD, 1), V(EPOLL_CTL_DEL, 2), V(EPOLL_CTL_MOD, 3),
	{}
};

static const struct value_name set_timerfd[] = {
	V(TFD_TIMER_ABSTIME, 1), V(TFD_TIMER_CANCEL_ON_SET, 2),
	{}
};

static const struct value_name set_timer[] = {
	V(TIMER_ABSTIME, 1),
	{}
};

static const struct value_name set_inotify[] = {
	V(IN_ACCESS, 1), V(IN_MODIFY, 2), V(IN_ATTRIB, 4), V(IN_CLOSE_WRITE, 8),
	V(IN_CLOSE_NOWRITE, 0x10), V(IN_OPEN, 0x20), V(IN_MOVED_FROM, 0x40), V(IN_MOVED_TO, 0x80),
	V(IN_CREATE, 0x100), V(IN_DELETE, 0x200), V(IN_DELETE_SELF, 0x400),
	V(IN_MOVE_SELF, 0x800), V(IN_ONLYDIR, 0x1000000), V(IN_DONT_FOLLOW, 0x2000000),
	V(IN_EXCL_UNLINK, 0x4000000), V(IN_MASK_CREATE, 0x10000000), V(IN_MASK_ADD, 0x20000000),
	V(IN_ONESHOT, 0x80000000),
	{}
};

static const struct value_name set_prot[] = {
	PART(PROT_NONE, 0, 7), V(PROT_READ, 1), V(PROT_WRITE, 2), V(PROT_EXEC, 4),
	V(PROT_GROWSDOWN, 0x01000000), V(PROT_GROWSUP, 0x02000000),
	{}
};

static const struct value_name set_map[] = {
	PART(MAP_SHARED, 1, 0xf), PART(MAP_PRIVATE, 2, 0xf), PART(MAP_SHARED_VALIDATE, 3, 0xf),
	V(MAP_FIXED, 0x10), V(MAP_ANONYMOUS, 0x20), V(MAP_32BIT, 0x40), V(MAP_GROWSDOWN, 0x100),
	V(MAP_DENYWRITE, 0x800), V(MAP_EXECUTABLE, 0x1000), V(MAP_LOCKED, 0x2000),
	V(MAP_NORESERVE, 0x4000), V(MAP_POPULATE, 0x8000), V(MAP_NONBLOCK, 0x10000),
	V(MAP_STACK, 0x20000), V(MAP_HUGETLB, 0x40000), V(MAP_SYNC, 0x80000),
	V(MAP_FIXED_NOREPLACE, 0x100000),
	{}
};

static const struct value_name set_mremap[] = {
	V(MREMAP_MAYMOVE, 1), V(MREMAP_FIXED, 2), V(MREMAP_DONTUNMAP, 4),
	{}
};

static const struct value_name set_madvise[] = {
	V(MADV_NORMAL, 0), V(MADV_RANDOM, 1), V(MADV_SEQUENTIAL, 2), V(MADV_WILLNEED, 3),
	V(MADV_DONTNEED, 4), V(MADV_FREE, 8), V(MADV_REMOVE, 9), V(MADV_DONTFORK, 10),
	V(MADV_DOFORK, 11), V(MADV_MERGEABLE, 12), V(MADV_UNMERGEABLE, 13), V(MADV_HUGEPAGE, 14),
	V(MADV_NOHUGEPAGE, 15), V(MADV_DONTDUMP, 16), V(MADV_DODUMP, 17), V(MADV_WIPEONFORK, 18),
	V(MADV_KEEPONFORK, 19), V(MADV_COLD, 20), V(MADV_PAGEOUT, 21), V(MADV_POPULATE_READ, 22),
	V(MADV_POPULATE_WRITE, 23), V(MADV_DONTNEED_LOCKED, 24), V(MADV_COLLAPSE, 25),
	V(MADV_GUARD_INSTALL, 102), V(MADV_GUARD_REMOVE, 103),
	{}
};

static const struct value_name set_msync[] = {
	V(MS_ASYNC, 1), V(MS_INVALIDATE, 2), V(MS_SYNC, 4),
	{}
};

static const struct value_name set_mlock2[] = {
	V(MLOCK_ONFAULT, 1),
	{}
};

static const struct value_name set_mlockall[] = {
	V(MCL_CURRENT, 1), V(MCL_FUTURE, 2), V(MCL_ONFAULT, 4),
	{}
};

static const struct value_name set_memfd[] = {
	V(MFD_CLOEXEC, 1), V(MFD_ALLOW_SEALING, 2), V(MFD_HUGETLB, 4), V(MFD_NOEXEC_SEAL, 8),
	V(MFD_EXEC, 0x10),
	{}
};

static const struct value_name set_membarrier[] = {
	V(MEMBARRIER_CMD_QUERY, 0), V(MEMBARRIER_CMD_GLOBAL, 1),
	V(MEMBARRIER_CMD_GLOBAL_EXPEDITED, 2), V(MEMBARRIER_CMD_REGISTER_GLOBAL_EXPEDITED, 4),
	V(MEMBARRIER_CMD_PRIVATE_EXPEDITED, 8),
	V(MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED, 0x10),
	V(MEMBARRIER_CMD_PRIVATE_EXPEDITED_SYNC_CORE, 0x20),
	V(MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED_SYNC_CORE, 0x40),
	{}
};

static const struct value_name set_clone[] = {
	V(CLONE_NEWTIME, 0x80), V(CLONE_VM, 0x100), V(CLONE_FS, 0x200), V(CLONE_FILES, 0x400),
	V(CLONE_SIGHAND, 0x800), V(CLONE_PIDFD, 0x1000), V(CLONE_PTRACE, 0x2000),
	V(CLONE_VFORK, 0x4000), V(CLONE_PARENT, 0x8000), V(CLONE_THREAD, 0x10000),
	V(CLONE_NEWNS, 0x20000), V(CLONE_SYSVSEM, 0x40000), V(CLONE_SETTLS, 0x80000),
	V(CLONE_PARENT_SETTID, 0x100000), V(CLONE_CHILD_CLEARTID, 0x200000),
	V(CLONE_DETACHED, 0x400000), V(CLONE_UNTRACED, 0x800000),
	V(CLONE_CHILD_SETTID, 0x1000000), V(CLONE_NEWCGROUP, 0x2000000),
	V(CLONE_NEWUTS, 0x4000000), V(CLONE_NEWIPC, 0x8000000), V(CLONE_NEWUSER, 0x10000000),
	V(CLONE_NEWPID, 0x20000000), V(CLONE_NEWNET, 0x40000000), V(CLONE_IO, 0x80000000),
	PART(SIGCHLD, 17, 0x7f),
	{}
};

static const struct value_name set_wait[] = {
	V(WNOHANG, 1), V(WUNTRACED, 2), V(WEXITED, 4), V(WCONTINUED, 8), V(WNOWAIT, 0x01000000),
	V(__WNOTHREAD, 0x20000000), V(__WALL, 0x40000000), V(__WCLONE, 0x80000000),
	{}
};

static const struct value_name set_idtype[] = {
	V(P_ALL, 0), V(P_PID, 1), V(P_PGID, 2), V(P_PIDFD, 3),
	{}
};

static const struct value_name set_pidfd[] = {
	V(PIDFD_NONBLOCK, 04000), V(PIDFD_THREAD, 0200),
	{}
};

static const struct value_name set_prctl[] = {
	V(PR_SET_PDEATHSIG, 1), V(PR_GET_PDEATHSIG, 2), V(PR_GET_DUMPABLE, 3),
	V(PR_SET_DUMPABLE, 4), V(PR_GET_UNALIGN, 5), V(PR_SET_UNALIGN, 6), V(PR_GET_KEEPCAPS, 7),
	V(PR_SET_KEEPCAPS, 8), V(PR_GET_TIMING, 13), V(PR_SET_TIMING, 14), V(PR_SET_NAME, 15),
	V(PR_GET_NAME, 16), V(PR_GET_SECCOMP, 21), V(PR_SET_SECCOMP, 22), V(PR_CAPBSET_READ, 23),
	V(PR_CAPBSET_DROP, 24), V(PR_GET_TSC, 25), V(PR_SET_TSC, 26), V(PR_GET_SECUREBITS, 27),
	V(PR_SET_SECUREBITS, 28), V(PR_SET_TIMERSLACK, 29), V(PR_GET_TIMERSLACK, 30),
	V(PR_MCE_KILL, 33), V(PR_MCE_KILL_GET, 34), V(PR_SET_MM, 35),
	V(PR_SET_CHILD_SUBREAPER, 36), V(PR_GET_CHILD_SUBREAPER, 37), V(PR_SET_NO_NEW_PRIVS, 38),
	V(PR_GET_NO_NEW_PRIVS, 39), V(PR_GET_TID_ADDRESS, 40), V(PR_SET_THP_DISABLE, 41),
	V(PR_GET_THP_DISABLE, 42), V(PR_CAP_AMBIENT, 47), V(PR_SVE_SET_VL, 50),
	V(PR_SVE_GET_VL, 51), V(PR_GET_SPECULATION_CTRL, 52), V(PR_SET_SPECULATION_CTRL, 53),
	V(PR_PAC_RESET_KEYS, 54), V(PR_SET_TAGGED_ADDR_CTRL, 55), V(PR_GET_TAGGED_ADDR_CTRL, 56),
	V(PR_SET_IO_FLUSHER, 57), V(PR_GET_IO_FLUSHER, 58), V(PR_SET_SYSCALL_USER_DISPATCH, 59),
	V(PR_SCHED_CORE, 62), V(PR_SET_MDWE, 65), V(PR_GET_MDWE, 66), V(PR_SET_VMA, 0x53564d41),
	V(PR_SET_PTRACER, 0x59616d61),
	{}
};

static const struct value_name set_arch_prctl[] = {
	V(ARCH_SET_GS, 0x1001), V(ARCH_SET_FS, 0x1002), V(ARCH_GET_FS, 0x1003),
	V(ARCH_GET_GS, 0x1004), V(ARCH_CET_STATUS, 0x3001),
	{}
};

static const struct value_name set_sigmask[] = {
	V(SIG_BLOCK, 0), V(SIG_UNBLOCK, 1), V(SIG_SETMASK, 2),
	{}
};

static const struct value_name set_clock[] = {
	V(CLOCK_REALTIME, 0), V(CLOCK_MONOTONIC, 1), V(CLOCK_PROCESS_CPUTIME_ID, 2),
	V(CLOCK_THREAD_CPUTIME_ID, 3), V(CLOCK_MONOTONIC_RAW, 4), V(CLOCK_REALTIME_COARSE, 5),
	V(CLOCK_MONOTONIC_COARSE, 6), V(CLOCK_BOOTTIME, 7), V(CLOCK_REALTIME_ALARM, 8),
	V(CLOCK_BOOTTIME_ALARM, 9), V(CLOCK_TAI, 11),
	{}
};

static const struct value_name set_itimer[] = {
	V(ITIMER_REAL, 0), V(ITIMER_VIRTUAL, 1), V(ITIMER_PROF, 2),
	{}
};

static const struct value_name set_futex[] = {
	PART(FUTEX_WAIT, 0, 0x7f), PART(FUTEX_WAKE, 1, 0x7f), PART(FUTEX_FD, 2, 0x7f),
	PART(FUTEX_REQUEUE, 3, 0x7f), PART(FUTEX_CMP_REQUEUE, 4, 0x7f),
	PART(FUTEX_WAKE_OP, 5, 0x7f), PART(FUTEX_LOCK_PI, 6, 0x7f),
	PART(FUTEX_UNLOCK_PI, 7, 0x7f), PART(FUTEX_TRYLOCK_PI, 8, 0x7f),
	PART(FUTEX_WAIT_BITSET, 9, 0x7f), PART(FUTEX_WAKE_BITSET, 10, 0x7f),
	PART(FUTEX_WAIT_REQUEUE_PI, 11, 0x7f), PART(FUTEX_CMP_REQUEUE_PI, 12, 0x7f),
	PART(FUTEX_LOCK_PI2, 13, 0x7f), V(FUTEX_PRIVATE_FLAG, 128), V(FUTEX_CLOCK_REALTIME, 256),
	{}
};

static const struct value_name set_futex2[] = {
	V(FUTEX2_SIZE_U32, 2), V(FUTEX2_PRIVATE, 128),
	{}
};

static const struct value_name set_sched[] = {
	V(SCHED_OTHER, 0), V(SCHED_FIFO, 1), V(SCHED_RR, 2), V(SCHED_BATCH, 3), V(SCHED_IDLE, 5),
	V(SCHED_DEADLINE, 6),
	{}
};

static const struct value_name set_rlimit[] = {
	V(RLIMIT_CPU, 0), V(RLIMIT_FSIZE, 1), V(RLIMIT_DATA, 2), V(RLIMIT_STACK, 3),
	V(RLIMIT_CORE, 4), V(RLIMIT_RSS, 5), V(RLIMIT_NPROC, 6), V(RLIMIT_NOFILE, 7),
	V(RLIMIT_MEMLOCK, 8), V(RLIMIT_AS, 9), V(RLIMIT_LOCKS, 10), V(RLIMIT_SIGPENDING, 11),
	V(RLIMIT_MSGQUEUE, 12), V(RLIMIT_NICE, 13), V(RLIMIT_RTPRIO, 14), V(RLIMIT_RTTIME, 15),
	{}
};

static const struct value_name set_rusage[] = {
	V(RUSAGE_SELF, 0), V(RUSAGE_CHILDREN, 0xffffffff), V(RUSAGE_THREAD, 1),
	{}
};

static const struct value_name set_random[] = {
	V(GRND_NONBLOCK, 1), V(GRND_RANDOM, 2), V(GRND_INSECURE, 4),
	{}
};

static const struct value_name set_family[] = {
	V(AF_UNSPEC, 0), V(AF_UNIX, 1), V(AF_INET, 2), V(AF_INET6, 10), V(AF_NETLINK, 16),
	V(AF_PACKET, 17), V(AF_VSOCK, 40),
	{}
};

static const struct value_name set_socket[] = {
	PART(SOCK_STREAM, 1, 0xf), PART(SOCK_DGRAM, 2, 0xf), PART(SOCK_RAW, 3, 0xf),
	PART(SOCK_SEQPACKET, 5, 0xf), V(SOCK_NONBLOCK, 04000), V(SOCK_CLOEXEC, 02000000),
	{}
};

static const struct value_name set_accept[] = {
	V(SOCK_NONBLOCK, 04000), V(SOCK_CLOEXEC, 02000000),
	{}
};

static const struct value_name set_msg[] = {
	V(MSG_OOB, 1), V(MSG_PEEK, 2), V(MSG_DONTROUTE, 4), V(MSG_CTRUNC, 8), V(MSG_TRUNC, 0x20),
	V(MSG_DONTWAIT, 0x40), V(MSG_EOR, 0x80), V(MSG_WAITALL, 0x100), V(MSG_NOSIGNAL, 0x4000),
	V(MSG_MORE, 0x8000), V(MSG_WAITFORONE, 0x10000), V(MSG_CMSG_CLOEXEC, 0x40000000),
	{}
};

static const struct value_name set_sol[] = {
	V(SOL_IP, 0), V(SOL_SOCKET, 1), V(SOL_TCP, 6), V(SOL_UDP, 17), V(SOL_IPV6, 41),
	{}
};

static const struct value_name set_sockopt[] = {
	V(SO_DEBUG, 1), V(SO_REUSEADDR, 2), V(SO_TYPE, 3), V(SO_ERROR, 4), V(SO_DONTROUTE, 5),
	V(SO_BROADCAST, 6), V(SO_SNDBUF, 7), V(SO_RCVBUF, 8), V(SO_KEEPALIVE, 9),
	V(SO_OOBINLINE, 10), V(SO_PRIORITY, 12), V(SO_LINGER, 13), V(SO_REUSEPORT, 15),
	V(SO_PASSCRED, 16), V(SO_PEERCRED, 17), V(SO_RCVLOWAT, 18), V(SO_SNDLOWAT, 19),
	V(SO_RCVTIMEO, 20), V(SO_SNDTIMEO, 21), V(SO_TIMESTAMP, 29), V(SO_ACCEPTCONN, 30),
	V(SO_PEERSEC, 31), V(SO_SNDBUFFORCE, 32), V(SO_RCVBUFFORCE, 33), V(SO_PROTOCOL, 38),
	V(SO_DOMAIN, 39),
	{}
};

static const struct value_name set_shutdown[] = {
	V(SHUT_RD, 0), V(SHUT_WR, 1), V(SHUT_RDWR, 2),
	{}
};

static const struct value_name set_rseq[] = {
	V(RSEQ_FLAG_UNREGISTER, 1),
	{}
};

static const struct value_name set_ptrace[] = {
	V(PTRACE_TRACEME, 0), V(PTRACE_PEEKTEXT, 1), V(PTRACE_PEEKDATA, 2), V(PTRACE_PEEKUSER, 3),
	V(PTRACE_POKETEXT, 4), V(PTRACE_POKEDATA, 5), V(PTRACE_POKEUSER, 6), V(PTRACE_CONT, 7),
	V(PTRACE_KILL, 8), V(PTRACE_SINGLESTEP, 9), V(PTRACE_ATTACH, 16), V(PTRACE_DETACH, 17),
	V(PTRACE_SYSCALL, 24), V(PTRACE_SETOPTIONS, 0x4200), V(PTRACE_GETEVENTMSG, 0x4201),
	V(PTRACE_GETSIGINFO, 0x4202), V(PTRACE_SETSIGINFO, 0x4203), V(PTRACE_GETREGSET, 0x4204),
	V(PTRACE_SETREGSET, 0x4205), V(PTRACE_SEIZE, 0x4206), V(PTRACE_INTERRUPT, 0x4207),
	V(PTRACE_LISTEN, 0x4208),
	{}
};

#define SET(name) { #name, set_##name }
static const struct {
	const char *name;
	const struct value_name *values;
} sets[] = {
	SET(open), SET(cloexec), SET(nonblock), SET(pipe), SET(eventfd), SET(at), SET(unlink),
	SET(link), SET(rename), SET(access), SET(statx), SET(close_range), SET(seek), SET(rwf),
	SET(fcntl), SET(ioctl), SET(flock), SET(splice), SET(sync_range), SET(fadvise),
	SET(fallocate), SET(mount), SET(umount), SET(xattr), SET(epoll), SET(timerfd),
	SET(timer), SET(inotify), SET(prot), SET(map), SET(mremap), SET(madvise), SET(msync),
	SET(mlock2), SET(mlockall), SET(memfd), SET(membarrier), SET(clone), SET(wait),
	SET(idtype), SET(pidfd), SET(prctl), SET(arch_prctl), SET(sigmask), SET(clock),
	SET(itimer), SET(futex), SET(futex2), SET(sched), SET(rlimit), SET(rusage), SET(random), SET(family),
	SET(socket), SET(accept), SET(msg), SET(sol), SET(sockopt), SET(shutdown), SET(rseq),
	SET(ptrace),
};

const struct value_name *trace_names(const char *set)
{
	for (unsigned i = 0; i < ARRAY_SIZE(sets); i++)
		if (!strcmp(sets[i].name, set))
			return sets[i].values;
	return nullptr;
}
