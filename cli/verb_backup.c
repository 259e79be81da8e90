/* verb_backup.c - cairn backup DIR, cairn restore DIR: a collection written elsewhere, and back. */
#include "cli/cli.h"
#include "engine/care.h"

static int print_copy(cli *c, const char *verb, const char *dir, const cairn_copy_report *r)
{
    char all[32], shared[32];

    cli_progress_clear(c);
    if (c->json)
        return cli_print_json(c,
                              json_pack("{s:s,s:I,s:I,s:I,s:I,s:f}", "dir", dir, "documents",
                                        (json_int_t)r->documents, "chunks", (json_int_t)r->chunks,
                                        "bytes", (json_int_t)r->bytes, "bytes_linked",
                                        (json_int_t)r->bytes_linked, "seconds", r->seconds));
    printf("%s %s: %llu documents, %llu chunks, %s (%s unchanged since the last), %.1f s\n", verb,
           dir, (unsigned long long)r->documents, (unsigned long long)r->chunks,
           cli_format_bytes(all, r->bytes), cli_format_bytes(shared, r->bytes_linked), r->seconds);
    return CLI_DONE;
}

static int run_backup(cli *c, int argc, char **argv)
{
    static const struct option extra[] = {{0}};
    cairn_index_options opt = {
        .progress = cli_progress, .progress_ctx = c, .cancel = &cli_cancelled};
    cairn_copy_report report;
    cairn_error err = {0};
    cairn_status st;
    cairn *engine;
    int code;

    if (cli_next_option(c, argc, argv, extra) != -1)
        return CLI_USAGE;
    if (argc - optind != 1)
        return cli_usage_error(c, "backup takes one folder");
    code = cli_open(c, &engine, CLI_READ);
    if (code)
        return code;
    st = cairn_backup(engine, argv[optind], &opt, &report, &err);
    cairn_close(engine);
    return st ? cli_fail(c, st, &err) : print_copy(c, "written to", argv[optind], &report);
}

static int run_restore(cli *c, int argc, char **argv)
{
    static const struct option extra[] = {{"replace", no_argument, NULL, 'r'}, {0}};
    cairn_index_options opt = {
        .progress = cli_progress, .progress_ctx = c, .cancel = &cli_cancelled};
    cairn_copy_report report;
    cairn_error err = {0};
    bool replace = false;
    cairn_status st;
    int o;

    while ((o = cli_next_option(c, argc, argv, extra)) != -1) {
        if (o != 'r')
            return CLI_USAGE;
        replace = true;
    }
    if (argc - optind != 1)
        return cli_usage_error(c, "restore takes the folder of a backup");
    st = cairn_restore(&c->options, argv[optind], replace, &opt, &report, &err);
    return st ? cli_fail(c, st, &err) : print_copy(c, "restored from", argv[optind], &report);
}

const cli_verb cli_verb_backup = {
    "backup", "write the collection to another folder",
    "Usage: cairn backup DIR\n\n"
    "Writes the collection as it is at this moment to DIR/collections/NAME, with its settings, "
    "its\n"
    "conversations and the files uploaded to the server; indexing, searching and serving may go "
    "on\n"
    "meanwhile. Every record and every segment is checked on the way. A backup that is there "
    "already is\n"
    "replaced when the new one is complete and on disk, not before, and unchanged segments are "
    "shared\n"
    "with it. DIR can be used as it is: cairn --home DIR search WORDS.\n\n"
    "Models, the configuration and the documents themselves are not in it.\n\n"
    "Examples:\n"
    "  cairn backup /media/disk/cairn\n"
    "  cairn --collection work backup /media/disk/cairn\n",
    run_backup};

const cli_verb cli_verb_restore = {
    "restore", "take a collection back from a backup",
    "Usage: cairn restore DIR [--replace]\n\n"
    "Verifies the backup of the collection in DIR, every byte of it, and puts a copy in place in "
    "one\n"
    "step. Programs that search meanwhile find the restored one at their next search.\n\n"
    "Of a collection on a cluster the newest snapshot in DIR, a folder of the nodes' path.repo or\n"
    "repository:NAME, is restored by the cluster; repository:NAME/SNAPSHOT names one.\n\n"
    "  --replace     also where there is such a collection already, which is removed\n\n"
    "Example:\n"
    "  cairn restore /media/disk/cairn\n",
    run_restore};
