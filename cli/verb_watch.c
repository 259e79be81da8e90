/* verb_watch.c - cairn watch PATH... */
#include <stdlib.h>
#include <string.h>

#include "base/priority.h"
#include "cli/cli.h"

enum { OPT_NO_VECTORS = 0x2000, OPT_EXCLUDE, OPT_INCLUDE, OPT_HIDDEN, OPT_NO_IGNORE, OPT_BATTERY,
       OPT_LOAD, OPT_RESCAN, OPT_QUIET, OPT_FOLDERS, OPT_PRIORITY, OPT_BY };

typedef struct request {
    cairn_watch_options watch;
    char *exclude, *include;
    bool normal; /* priority */
} request;

static bool take_way(cli *c, const char *name, cairn_watch_by *by)
{
    static const char *const names[] = {[CAIRN_WATCH_BEST] = "best",
                                        [CAIRN_WATCH_FANOTIFY] = "fanotify",
                                        [CAIRN_WATCH_INOTIFY] = "inotify",
                                        [CAIRN_WATCH_TIME] = "time"};

    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (!strcmp(name, names[i])) {
            *by = (cairn_watch_by)i;
            return true;
        }
    return cli_usage_error(c, "--by is best, fanotify, inotify or time, not \"%s\"", name), false;
}

static bool take_option(cli *c, int o, request *r)
{
    double ms;

    switch (o) {
    case OPT_NO_VECTORS:
        r->watch.index.no_vectors = true;
        return true;
    case OPT_EXCLUDE:
        return cli_add_pattern(c, &r->exclude, optarg);
    case OPT_INCLUDE:
        return cli_add_pattern(c, &r->include, optarg);
    case OPT_HIDDEN:
        r->watch.index.hidden = true;
        return true;
    case OPT_NO_IGNORE:
        r->watch.index.no_ignore_files = true;
        return true;
    case OPT_BATTERY:
        r->watch.pause_on_battery = true;
        return true;
    case OPT_LOAD:
        return cli_parse_float(c, "--max-load", optarg, 0.01, 1e6, &r->watch.max_load);
    case OPT_RESCAN:
        r->watch.fallback_seconds = 0;
        if (!cli_parse_float(c, "--rescan", optarg, 0.1, 1e9, &r->watch.rescan_seconds))
            return false;
        if (r->watch.rescan_seconds < 60)
            r->watch.fallback_seconds = r->watch.rescan_seconds;
        return true;
    case OPT_QUIET:
        if (!cli_parse_float(c, "--settle", optarg, 1, 1e6, &ms))
            return false;
        r->watch.quiet_ms = (int64_t)ms;
        r->watch.at_most_ms = (int64_t)ms * 5;
        return true;
    case OPT_FOLDERS:
        return cli_parse_size(c, "--max-folders", optarg, 1, (size_t)1 << 31,
                              &r->watch.max_folders);
    case OPT_PRIORITY:
        r->normal = !strcmp(optarg, "normal");
        if (!r->normal && strcmp(optarg, "idle"))
            return cli_usage_error(c, "--priority is idle or normal, not \"%s\"", optarg), false;
        return true;
    case OPT_BY:
        return take_way(c, optarg, &r->watch.by);
    default:
        return false;
    }
}

static int run(cli *c, int argc, char **argv)
{
    static const struct option extra[] = {{"no-vectors", no_argument, NULL, OPT_NO_VECTORS},
                                          {"exclude", required_argument, NULL, OPT_EXCLUDE},
                                          {"include", required_argument, NULL, OPT_INCLUDE},
                                          {"hidden", no_argument, NULL, OPT_HIDDEN},
                                          {"no-ignore", no_argument, NULL, OPT_NO_IGNORE},
                                          {"pause-on-battery", no_argument, NULL, OPT_BATTERY},
                                          {"max-load", required_argument, NULL, OPT_LOAD},
                                          {"rescan", required_argument, NULL, OPT_RESCAN},
                                          {"settle", required_argument, NULL, OPT_QUIET},
                                          {"max-folders", required_argument, NULL, OPT_FOLDERS},
                                          {"priority", required_argument, NULL, OPT_PRIORITY},
                                          {"by", required_argument, NULL, OPT_BY},
                                          {0}};
    request r = {.watch.index = {.event = cli_print_event,
                                 .event_ctx = c,
                                 .progress = cli_progress,
                                 .progress_ctx = c,
                                 .cancel = &cli_cancelled}};
    cairn_error err = {0};
    cairn *engine = NULL;
    int o, code = CLI_DONE;

    while (!code && (o = cli_next_option(c, argc, argv, extra)) != -1)
        if (o == '?' || !take_option(c, o, &r))
            code = CLI_USAGE;
    if (!code && optind >= argc)
        code = cli_usage_error(c, "name at least one file or folder");
    if (!code && !r.normal) {
        priority_lower(PRIORITY_LEAST);
        priority_idle_disk();
    }
    if (!code)
        code = cli_open(c, &engine, CLI_MAKE);
    if (!code) {
        cairn_status st;
        r.watch.index.exclude = r.exclude;
        r.watch.index.include = r.include;
        st = cairn_watch(engine, (const char *const *)argv + optind, (size_t)(argc - optind),
                         &r.watch, &err);
        if (st)
            code = cli_fail(c, st, &err);
    }
    cairn_close(engine);
    free(r.exclude);
    free(r.include);
    return code;
}

const cli_verb cli_verb_watch = {
    "watch", "index files and folders, then follow what changes",
    "Usage: cairn watch [OPTION...] PATH...\n\n"
    "Does what cairn index does, then waits: a file that is saved, moved or removed below PATH is\n"
    "found, found under its new name, or gone within moments. A line an event, with --json an object\n"
    "a line: add, change, move, remove, fail, watching (which of them, and in which way), ready (the first run is over),\n"
    "done (a batch is), rescan, pause, resume, warning. Other commands may write meanwhile. Ctrl-C or SIGTERM ends it.\n\n"
    "  --no-vectors, --exclude, --include, --hidden, --no-ignore   as for cairn index\n"
    "  --pause-on-battery   do nothing while the machine runs on its battery\n"
    "  --max-load N         do nothing while the load average of a minute is above N\n"
    "  --priority idle|normal   of CPU and disk (default idle)\n"
    "  --settle MS          wait until nothing changed for so long (default 300)\n"
    "  --rescan SECONDS     look at everything so often (default 3600; 60 where the system does not\n"
    "                       let all folders be watched, which is warned of)\n"
    "  --max-folders N      watch so many folders at most\n"
    "  --by WAY             best (default): for each file system the first of fanotify (one mark for\n"
    "                       all of it; needs CAP_SYS_ADMIN and CAP_DAC_READ_SEARCH), inotify (a watch\n"
    "                       for each folder) and time (--rescan) that is allowed; or one of these\n\n"
    "As a service of your session: systemctl --user enable --now cairn-watch (it watches your home\n"
    "folder; systemctl --user edit cairn-watch changes that).\n\n"
    "Examples:\n"
    "  cairn watch ~/Documents ~/notes\n"
    "  cairn watch --json --pause-on-battery ~ | jq -r .path\n",
    run};
