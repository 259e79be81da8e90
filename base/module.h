/* module.h - find and open a shared library that is opened only when it is needed: one with large
 * dependencies (FAISS), or one for hardware that most machines lack (CUDA). */
#ifndef CAIRN_BASE_MODULE_H
#define CAIRN_BASE_MODULE_H

#include <stddef.h>

/* Open `file` (such as "cairn-faiss.so"): what the environment variable `env` names, if it is set;
 * else the first one found beside the program, in ../lib/cairn, in ../`room` (the build tree), and
 * in /usr/local/lib/cairn and /usr/lib/cairn, for programs that were linked with libcairn. NULL
 * with a reason in why[cap]. The handle is dlopen's. */
void *module_open(const char *file, const char *env, const char *room, char *why, size_t cap);

#endif
