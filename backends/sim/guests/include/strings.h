// strings.h is part of string.h here
#include <string.h>
