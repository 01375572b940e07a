// getgrnam(3) stands in pwd.h here
#include <pwd.h>
