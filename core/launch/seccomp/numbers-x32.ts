// What x32 numbers differently from x86_64. Made by scripts/syscall-numbers.mjs.

/** Names in the order of their numbers; a number says where the next name stands. Without the bit 0x40000000. */
export const x32 = `
512 rt_sigaction rt_sigreturn ioctl readv writev recvfrom sendmsg recvmsg execve ptrace rt_sigpending rt_sigtimedwait
rt_sigqueueinfo sigaltstack timer_create mq_notify kexec_load waitid set_robust_list get_robust_list vmsplice
move_pages preadv pwritev rt_tgsigqueueinfo recvmmsg sendmmsg process_vm_readv process_vm_writev setsockopt getsockopt
io_setup io_submit execveat preadv2 pwritev2
`

/** Calls of x86_64 that x32 does not have. */
export const notOfX32 = `
_sysctl create_module epoll_ctl_old epoll_wait_old get_kernel_syms get_thread_area nfsservctl query_module
set_thread_area uprobe uretprobe uselib vserver
`
