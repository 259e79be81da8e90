/* verb_serve.c - cairn serve: the adapters of the server, until a signal ends them. */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/log.h"
#include "cli/cli.h"
#include "engine/care.h"
#include "server/adapter.h"

enum { OPT_TOKENS = 0x2000, OPT_ADD_TOKEN, OPT_ROLE, OPT_FOR, OPT_GROUPS, OPT_AUDIT, OPT_AUDIT_MB, OPT_ROOM, OPT_MEMORY, OPT_CERT, OPT_KEY, OPT_CLIENT_CA,
       OPT_HOSTNAME, OPT_RATE, OPT_CONNECTIONS, OPT_UPLOAD, OPT_GENERATOR, OPT_ADAPTER };

#define ADAPTERS_MOST 8

typedef struct serving {
    cli *c;
    service_options options;
    adapter_options common;
    const char *addresses[ADAPTERS_MOST]; /* as given; NULL: the adapter's own */
    const char *add_token, *collections, *groups;
    service_role role;
    service *s;
    void *states[ADAPTERS_MOST];
} serving;

static size_t count_adapters(void)
{
    size_t n = 0;

    while (adapters[n] && n < ADAPTERS_MOST)
        n++;
    return n;
}

/* ---- signals: taken by the main thread alone ---- */

static void block_signals(sigset_t *set)
{
    sigemptyset(set);
    sigaddset(set, SIGINT);
    sigaddset(set, SIGTERM);
    sigaddset(set, SIGHUP);
    pthread_sigmask(SIG_BLOCK, set, NULL); /* before any thread starts: they inherit it */
}

static void reload(serving *k)
{
    cairn_error err = {0};
    cairn_status st = service_reload(k->s, &err);

    for (size_t i = 0; !st && i < count_adapters(); i++)
        if (k->states[i] && adapters[i]->reload)
            st = adapters[i]->reload(k->states[i], &err);
    if (st)
        log_write(LOG_LEVEL_ERROR, "server", "nothing was reloaded: %s", err.text);
}

static void wait_for_end(serving *k, const sigset_t *set)
{
    int sig;

    for (;;) {
        if (sigwait(set, &sig))
            continue;
        if (sig != SIGHUP)
            break;
        reload(k);
    }
    log_write(LOG_LEVEL_INFO, "server", "shutting down");
}

/* ---- starting and stopping ---- */

static void announce(serving *k, const adapter *a, const char *bound)
{
    const char *scheme = !strncmp(bound, "unix:", 5) ? "" : k->common.cert_file ? "https://" : "http://";

    if (strcmp(a->name, "http"))
        scheme = "";
    if (k->c->json) {
        cli_print_json(k->c, json_pack("{s:s,s:s,s:s}", "event", "listening", "adapter", a->name,
                                       "address", bound));
    } else if (!k->c->quiet) {
        printf("%s on %s%s\n", a->name, scheme, bound);
    }
    fflush(stdout);
}

static cairn_status start(serving *k, size_t i, cairn_error *err)
{
    const adapter *a = adapters[i];
    const char *where = k->addresses[i] ? k->addresses[i] : a->default_address;
    adapter_options o = k->common;
    char bound[ADAPTER_ADDRESS_BYTES] = "";
    cairn_status st;

    if (!where || !strcmp(where, "off"))
        return CAIRN_OK;
    st = adapter_address_parse(where, &o.address, err);
    if (!st)
        st = a->start(k->s, &o, &k->states[i], bound, err);
    if (!st)
        announce(k, a, bound);
    return st;
}

static void stop_all(serving *k)
{
    size_t n = count_adapters();

    if (k->s)
        service_drain(k->s);
    for (size_t i = 0; i < n; i++)
        if (k->states[i])
            adapters[i]->drain(k->states[i]);
    for (size_t i = 0; i < n; i++)
        if (k->states[i])
            adapters[i]->stop(k->states[i]);
    service_close(k->s);
}

static int serve(serving *k)
{
    cairn_error err = {0};
    sigset_t set;
    cairn_status st;
    size_t started = 0;
    int code = CLI_DONE;

    block_signals(&set);
    cli_log_to_stderr(k->c, LOG_LEVEL_INFO);
    st = service_open(&k->s, &k->options, &err);
    for (size_t i = 0; !st && i < count_adapters(); i++) {
        st = start(k, i, &err);
        started += k->states[i] != NULL;
    }
    if (!st && !started)
        st = cairn_fail(&err, CAIRN_EUSAGE, "every way in is off");
    if (st)
        code = cli_fail(k->c, st, &err);
    else
        wait_for_end(k, &set);
    stop_all(k);
    return code;
}

/* ---- tokens ---- */

static int add_token(serving *k)
{
    char token[80], *file = NULL;
    cairn_error err = {0};
    cairn_status st = CAIRN_OK;
    cairn *c = NULL;
    cairn_status_info info = {0};
    int code = cli_open(k->c, &c, CLI_MAKE); /* the home must be there, and tells where it is */

    if (code)
        return code;
    st = cairn_status_get(c, &info, &err);
    if (!st && !k->options.token_file && asprintf(&file, "%s/tokens", info.home) < 0)
        st = cairn_fail(&err, CAIRN_ENOMEM, "token file");
    if (!st)
        st = service_token_add(file ? file : k->options.token_file, k->add_token, k->role,
                               k->collections, k->groups,
                               k->options.requests_per_second, token, &err);
    if (st)
        code = cli_fail(k->c, st, &err);
    else if (k->c->json)
        code = cli_print_json(k->c, json_pack("{s:s,s:s,s:s}", "name", k->add_token, "role",
                                              service_role_name(k->role), "token", token));
    else
        printf("%s\n", token);
    free(file);
    cairn_status_clear(&info);
    cairn_close(c);
    return code;
}

/* ---- options ---- */

static bool take_option(serving *k, int o)
{
    cli *c = k->c;
    size_t mb;

    switch (o) {
    case OPT_TOKENS:
        k->options.token_file = optarg;
        return true;
    case OPT_ADD_TOKEN:
        k->add_token = optarg;
        return true;
    case OPT_ROLE:
        if (service_role_parse(optarg, &k->role))
            return true;
        cli_usage_error(c, "--role is read, write or admin, not \"%s\"", optarg);
        return false;
    case OPT_FOR:
        k->collections = optarg;
        return true;
    case OPT_AUDIT:
        k->options.audit_file = optarg;
        return true;
    case OPT_AUDIT_MB:
        if (!cli_parse_size(c, "--audit-mb", optarg, 1, 65536, &mb))
            return false;
        k->options.max_audit_bytes = mb << 20;
        return true;
    case OPT_ROOM:
        if (!cli_parse_size(c, "--collection-mb", optarg, 1, 1 << 30, &mb))
            return false;
        k->options.max_collection_bytes = mb << 20;
        return true;
    case OPT_MEMORY:
        if (!cli_parse_size(c, "--memory-mb", optarg, 1, 1 << 30, &mb))
            return false;
        k->options.max_memory_bytes = mb << 20;
        return true;
    case OPT_GROUPS:
        k->groups = optarg;
        return true;
    case OPT_CERT:
        k->common.cert_file = optarg;
        return true;
    case OPT_KEY:
        k->common.key_file = optarg;
        return true;
    case OPT_CLIENT_CA:
        k->common.client_ca_file = optarg;
        return true;
    case OPT_HOSTNAME:
        k->common.hosts = optarg;
        return true;
    case OPT_GENERATOR:
        k->options.generator = optarg;
        return true;
    case OPT_RATE:
        return cli_parse_float(c, "--rate", optarg, 0, 1e6, &k->options.requests_per_second);
    case OPT_CONNECTIONS:
        return cli_parse_size(c, "--connections", optarg, 1, 100000, &k->common.max_connections);
    case OPT_UPLOAD:
        if (!cli_parse_size(c, "--upload-mb", optarg, 1, 65536, &mb))
            return false;
        k->options.max_upload_bytes = mb << 20;
        return true;
    default:
        k->addresses[o - OPT_ADAPTER] = optarg;
        return true;
    }
}

static int run(cli *c, int argc, char **argv)
{
    static const struct option fixed[] = {
        {"token-file", required_argument, NULL, OPT_TOKENS},
        {"add-token", required_argument, NULL, OPT_ADD_TOKEN},
        {"role", required_argument, NULL, OPT_ROLE},
        {"for", required_argument, NULL, OPT_FOR},
        {"audit-log", required_argument, NULL, OPT_AUDIT},
        {"audit-mb", required_argument, NULL, OPT_AUDIT_MB},
        {"collection-mb", required_argument, NULL, OPT_ROOM},
        {"memory-mb", required_argument, NULL, OPT_MEMORY},
        {"groups", required_argument, NULL, OPT_GROUPS},
        {"tls-cert", required_argument, NULL, OPT_CERT},
        {"tls-key", required_argument, NULL, OPT_KEY},
        {"tls-client-ca", required_argument, NULL, OPT_CLIENT_CA},
        {"hostname", required_argument, NULL, OPT_HOSTNAME},
        {"generator", required_argument, NULL, OPT_GENERATOR},
        {"rate", required_argument, NULL, OPT_RATE},
        {"connections", required_argument, NULL, OPT_CONNECTIONS},
        {"upload-mb", required_argument, NULL, OPT_UPLOAD},
    };
    struct option extra[sizeof fixed / sizeof *fixed + ADAPTERS_MOST + 1] = {{0}};
    serving k = {.c = c, .role = SERVICE_READ};
    size_t n = sizeof fixed / sizeof *fixed;
    int o;

    memcpy(extra, fixed, sizeof fixed);
    for (size_t i = 0; i < count_adapters(); i++)
        extra[n++] = (struct option){adapters[i]->name, required_argument, NULL,
                                     OPT_ADAPTER + (int)i};
    while ((o = cli_next_option(c, argc, argv, extra)) != -1)
        if (o == '?' || !take_option(&k, o))
            return CLI_USAGE;
    if (optind < argc)
        return cli_usage_error(c, "it takes no \"%s\"", argv[optind]);
    k.options.home = c->options.home;
    k.options.collection = c->options.collection;
    k.options.config_file = c->options.config_file;
    k.options.embedder = c->options.embedder;
    k.options.n_threads = c->options.n_threads;
    return k.add_token ? add_token(&k) : serve(&k);
}

const cli_verb cli_verb_serve = {
    "serve", "serve the collections to programs and to a web page",
    "Usage: cairn serve [--http ADDRESS] [--grpc ADDRESS] [OPTION...]\n"
    "       cairn serve --add-token NAME [--role ROLE] [--for COLLECTION,...] [--groups GROUP,...]\n\n"
    "Serves the web page, a REST interface (/api/v1), one that OpenAI's clients speak (/v1), health\n"
    "and metrics, until it gets SIGTERM; SIGHUP reads configuration, tokens and certificates again. The log goes to\n"
    "standard error, a JSON object a line. The collection is made if it does not exist.\n\n"
    "An address is HOST:PORT, PORT alone (this machine only), unix:PATH, or off. What is reached from\n"
    "other machines needs TLS and at least one token.\n\n"
    "  --http ADDRESS        where HTTP listens (default 127.0.0.1:7880; port 0: any that is free)\n"
    "  --grpc ADDRESS        where gRPC listens (default off)\n"
    "  --hostname NAMES      further names this server is called by, comma-separated\n"
    "  --tls-cert FILE, --tls-key FILE   certificate chain and key, PEM\n"
    "  --tls-client-ca FILE  demand a client certificate signed by one of these\n"
    "  --token-file FILE     who may do what (default HOME/tokens)\n"
    "  --add-token NAME      make a token, show it once, and end; --role is read (default), write or\n"
    "                        admin, --for restricts it to collections, --groups says as whom the rules of\n"
    "                        a collection know it. Running servers need a SIGHUP\n"
    "  --rate N              requests a second of one caller: a token's, else an address's (default: no bound);\n"
    "                        beside --add-token: the bound of this token alone\n"
    "  --connections N       open at once (default 2048)\n"
    "  --upload-mb N         largest file taken (default 256)\n"
    "  --memory-mb N         memory of the process; beyond it only searches are served (default: no bound)\n"
    "  --collection-mb N     what a collection and its uploads may take on disk (default: no bound)\n"
    "  --audit-log FILE      note who asked what there, and nowhere else; at --audit-mb N (default 64) the\n"
    "                        file is set aside, five of them are kept\n"
    "  --generator MODEL     generator, a name or a path\n\n"
    "Examples:\n"
    "  cairn serve\n"
    "  cairn serve --http unix:/run/user/1000/cairn.sock\n"
    "  cairn serve --http 0.0.0.0:7880 --hostname docs.example.org --tls-cert c.pem --tls-key k.pem\n",
    run};
