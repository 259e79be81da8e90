/* helpers.c - the list of helpers.h. */
#include "ingest/helpers.h"

#include <unistd.h>

#define ARGV(...) ((const char *const[]){__VA_ARGS__, NULL})

/* What ctags is told. Of Clojure it knows `defn` alone, it loses its way in TypeScript, Kotlin and Haskell, and of the four languages
 * behind these it knows nothing: what begins a function
 * ("function") or holds others ("class"); where it ends is found by its indentation (extract/source_end.h). Dart's functions
 * have no word before them, but its formatter leaves no choice of indentation: 0, or 2 in a class. */
#define SWIFT_FIRST "/^[ \t]*((@[A-Za-z]+(\\([^)]*\\))?|open|public|package|internal|fileprivate|private|static|final|override|dynamic|nonisolated|isolated"
#define DART_FIRST  "/^(  )?((static|external|const|factory|abstract|augment)[ ]+)*([A-Za-z_][A-Za-z0-9_.<>,? ]*[ ]+)?"
#define SCALA_FIRST "/^[ \t]*((@[A-Za-z.]+(\\([^)]*\\))?|private(\\[[^]]*\\])?|protected(\\[[^]]*\\])?|abstract|final|implicit|infix"
static const char *const ctags_argv[] = {
    "ctags", "--quiet", "--options=NONE", "--_interactive=sandbox", "--fields=+neKzSsl",
    /* Macros of GLib that stand alone: it would take the function behind them for their body. */
    "-I", "G_DEFINE_TYPE+,G_DEFINE_TYPE_WITH_CODE+,G_DEFINE_TYPE_WITH_PRIVATE+,G_DEFINE_ABSTRACT_TYPE+,G_DEFINE_FINAL_TYPE+,"
    "G_DEFINE_INTERFACE+,G_DEFINE_BOXED_TYPE+,G_DEFINE_QUARK+",
    "--regex-Clojure=/^\\((defn-|defn|defmacro|defmulti|defmethod|defprotocol|defrecord|deftype)[ \t]+"
    "(\\^[^ \t]+[ \t]+)*([^][ \t(){};\"]+)/\\3/f,function/",
    "--regex-TypeScript=/^[ \t]+((public|private|protected|static|async|abstract|override|get|set)[ \t]+)*"
    "([A-Za-z_$][A-Za-z0-9_$]*)[ \t]*(<[^>]*>)?[(]([^;]*[{,(])?$/\\3/f,function/",
    "--regex-Kotlin=/^[ \t]*((@[A-Za-z.]+(\\([^)]*\\))?|[a-z]+)[ \t]+)*fun[ \t]+(<[^(]*>[ \t]+)?([A-Za-z_<>?*., ]*[.])?"
    "([A-Za-z_][A-Za-z0-9_]*|`[^`]*`)[ \t]*[(]/\\6/f,function/{exclusive}",
    "--regex-Kotlin=/^[ \t]*((@[A-Za-z.]+(\\([^)]*\\))?|[a-z]+)[ \t]+)*(class|interface|object)[ \t]+([A-Za-z_][A-Za-z0-9_]*)/\\5/c,class/",
    "--regex-Haskell=/^([a-z_][A-Za-z0-9_']*)[ \t]*::/\\1/f,function/",
    "--regex-Haskell=/^(class|instance|data|newtype)[ \t]+([^=]*=>[ \t]*)?([A-Z][A-Za-z0-9_.']*([ \t]+[A-Z][A-Za-z0-9_.']*)?)/\\3/o,object/",
    "--langdef=Scala", "--map-Scala=+.scala", "--map-Scala=+.sc",
    "--regex-Scala=" SCALA_FIRST "|override|inline|transparent|lazy)[ \t]+)*def[ \t]+([^][ \t(:={]+)/\\6/f,function/{exclusive}",
    "--regex-Scala=" SCALA_FIRST "|sealed|case|open|package)[ \t]+)*(class|object|trait|enum)[ \t]+"
    "([A-Za-z_][A-Za-z0-9_]*)/\\7/c,class/",
    "--langdef=Swift", "--map-Swift=+.swift",
    "--regex-Swift=" SWIFT_FIRST "|class|mutating|nonmutating|prefix|postfix|infix|optional|consuming|borrowing)[ \t]+)*"
    "func[ \t]+([^ \t(<]+)/\\4/f,function/{exclusive}",
    "--regex-Swift=" SWIFT_FIRST "|required|convenience)[ \t]+)*(init[?!]?|deinit|subscript)[ \t]*[(<{]/\\4/f,function/{exclusive}",
    "--regex-Swift=" SWIFT_FIRST "|indirect|distributed)[ \t]+)*(class|struct|enum|protocol|extension|actor)[ \t]+"
    "([A-Za-z_][A-Za-z0-9_.]*)/\\5/c,class/",
    "--langdef=Dart", "--map-Dart=+.dart",
    "--regex-Dart=/^((abstract|base|interface|final|sealed|mixin|augment)[ ]+)*(class|mixin|enum|extension( type)?)[ ]+"
    "(const[ ]+)?([A-Za-z_][A-Za-z0-9_]*)/\\6/c,class/{exclusive}",
    "--regex-Dart=" DART_FIRST "[gs]et[ ]+([A-Za-z_][A-Za-z0-9_]*)/\\5/f,function/{exclusive}",
    "--regex-Dart=" DART_FIRST "operator[ ]*([^ (A-Za-z0-9_]+)[ ]*[(]/operator \\5/f,function/{exclusive}",
    "--regex-Dart=" DART_FIRST "([A-Za-z_][A-Za-z0-9_.]*)[ ]*(<[^()]*>)?[(]/\\5/f,function/",
    "--langdef=Zig", "--map-Zig=+.zig",
    "--regex-Zig=/^[ \t]*((pub|export|extern|inline|noinline)[ \t]+(\"[^\"]*\"[ \t]+)?)*fn[ \t]+"
    "(@\"[^\"]*\"|[A-Za-z_][A-Za-z0-9_]*)/\\4/f,function/{exclusive}",
    "--regex-Zig=/^[ \t]*(pub[ \t]+)?const[ \t]+([A-Za-z_][A-Za-z0-9_]*)[ \t]*=[ \t]*((packed|extern)[ \t]*)?"
    "(struct|union|enum|opaque)[ \t]*[({]/\\2/c,class/{exclusive}",
    "--regex-Zig=/^[ \t]*test[ \t]+(\"[^\"]*\"|[A-Za-z_][A-Za-z0-9_.]*)/\\1/f,function/",
    NULL};

static const helper_program programs[] = {
    /* A line as long as its paragraph; tables keep their bars. It refuses short and very old files. */
    {HELPER_DOC, "antiword", "/usr/bin/antiword", "antiword",
     ARGV("antiword", "-w", "0", "-m", "UTF-8.txt", "-"), {"/usr/share/antiword"}},
    {HELPER_DOC, "catdoc", "/usr/bin/catdoc", "catdoc",
     ARGV("catdoc", "-d", "utf-8", "-w"), {"/usr/share/catdoc", "/etc/catdocrc"}},
    /* It crashes where no file is named. */
    {HELPER_XLS, "xls2csv", "/usr/bin/xls2csv", "catdoc",
     ARGV("xls2csv", "-d", "utf-8", "/proc/self/fd/0"), {"/usr/share/catdoc", "/etc/catdocrc"}},
    /* One process for many files, inside a filter of system calls of its own. */
    {HELPER_TAGS, "ctags", "/usr/bin/ctags", "universal-ctags", ctags_argv, {NULL}},
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
