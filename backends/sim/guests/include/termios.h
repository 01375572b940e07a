// termios(3)
#ifndef TERMIOS_H
#define TERMIOS_H
struct termios {
  unsigned c_iflag, c_oflag, c_cflag, c_lflag;
  unsigned char c_line, c_cc[19];
};
enum { TCSANOW, TCSADRAIN, TCSAFLUSH };
enum { BRKINT = 2, ICRNL = 0400, IXON = 02000, OPOST = 1, ONLCR = 4, ISIG = 1, ICANON = 2, ECHO = 010, IEXTEN = 0100000 };
enum { VINTR, VQUIT, VERASE, VKILL, VEOF, VTIME, VMIN, VSUSP = 10 };
int tcgetattr(int fd, struct termios *to);
int tcsetattr(int fd, int when, const struct termios *from);
#endif
