/* helpers.c - the list of helpers.h. */
#include "ingest/helpers.h"

#include <unistd.h>

static const helper_program programs[] = {
    /* A line as long as its paragraph; tables keep their bars. It refuses short and very old files. */
    {HELPER_DOC, "antiword", "/usr/bin/antiword", "antiword",
     {"antiword", "-w", "0", "-m", "UTF-8.txt", "-"}, {"/usr/share/antiword"}},
    {HELPER_DOC, "catdoc", "/usr/bin/catdoc", "catdoc",
     {"catdoc", "-d", "utf-8", "-w"}, {"/usr/share/catdoc", "/etc/catdocrc"}},
    /* It crashes where no file is named. */
    {HELPER_XLS, "xls2csv", "/usr/bin/xls2csv", "catdoc",
     {"xls2csv", "-d", "utf-8", "/proc/self/fd/0"}, {"/usr/share/catdoc", "/etc/catdocrc"}},
    /* One process for many files, inside a filter of system calls of its own. Of Clojure it knows `defn` alone. */
    {HELPER_TAGS, "ctags", "/usr/bin/ctags", "universal-ctags",
     {"ctags", "--quiet", "--options=NONE", "--_interactive=sandbox", "--fields=+neKzSsl",
      "--regex-Clojure=/^\\((defn-|defn|defmacro|defmulti|defmethod|defprotocol|defrecord|deftype)[ \t]+"
      "(\\^[^ \t]+[ \t]+)*([^][ \t(){};\"]+)/\\3/f,function/"},
     {NULL}},
};

const helper_program *helper_program_at(size_t i)
{
    return i < sizeof programs / sizeof *programs ? &programs[i] : NULL;
}

bool helper_is_installed(const helper_program *p)
{
    return access(p->path, X_OK) == 0;
}

const char *helper_cure(helper_task task)
{
    switch (task) {
    case HELPER_DOC:
        return "antiword";
    case HELPER_TAGS:
        return "universal-ctags";
    default:
        return "catdoc";
    }
}
