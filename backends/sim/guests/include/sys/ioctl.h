// tty_ioctl(4)
#ifndef SYS_IOCTL_H
#define SYS_IOCTL_H
enum { TCGETS = 0x5401, TCSETS, TCSETSW, TCSETSF, TIOCSCTTY = 0x540e, TIOCGPGRP, TIOCSPGRP, TIOCGWINSZ = 0x5413, TIOCSWINSZ };
struct winsize {
  unsigned short ws_row, ws_col, ws_xpixel, ws_ypixel;
};
int ioctl(int fd, unsigned long request, ...);
#endif
