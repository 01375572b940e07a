// What mount(8), umount(8) and findmnt(8) share: the list of mounts.
#ifndef MOUNTS_H
#define MOUNTS_H
struct mounted {
  int id, parent;
  // Parts of one text.
  char *device, *root, *target, *options, *propagation, *type, *source, *super;
};
// Of /proc/PID/mountinfo. To be kept.
struct mounted *mounts_of(const char *pid, int *count);
// Both kinds of options as one list. To be freed.
char *all_options(const struct mounted *of);
// Flags of mount(2) that options stand for; what is left goes into `data`, which is as long as `text`. MS_REC with r in front.
unsigned long mount_flags(const char *text, char *data);
#endif
