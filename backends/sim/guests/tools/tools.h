// What all tools share: one program that is called by many names.
#ifndef TOOLS_H
#define TOOLS_H
#define TOOL(name) int name##_main(int argc, char **argv)

// The name that messages begin with.
extern const char *tool;
// Says `NAME: text: error` on stderr. Answers 1, so that a tool can return it.
int complain(const char *format, ...) __attribute__((format(printf, 1, 2)));
#endif
