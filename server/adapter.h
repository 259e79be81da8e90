/* adapter.h - a way into the server. Each is one constant of this type and a line in adapters.c.
 *
 * The program calls start for each address given, then waits; on SIGTERM it calls drain for all, then
 * stop for all. SIGHUP reloads the service; reload is for what the adapter read itself (certificates).
 */
#ifndef CAIRN_SERVER_ADAPTER_H
#define CAIRN_SERVER_ADAPTER_H

#include "server/service.h"

#ifdef __cplusplus
extern "C" {
#endif

#define ADAPTER_ADDRESS_BYTES 256

/* Where to listen, parsed by adapter_address_parse. */
typedef struct adapter_address {
    bool is_unix;
    char path[108];  /* of a unix socket */
    char host[128];  /* numeric, without brackets */
    uint16_t port;   /* 0: any that is free */
    bool is_ipv6, is_loopback;
} adapter_address;

typedef struct adapter_options {
    adapter_address address;
    const char *cert_file, *key_file; /* PEM; NULL: no TLS */
    const char *client_ca_file;       /* PEM; clients must show a certificate signed by one of these */
    size_t max_connections;           /* 0: the adapter's own bound */
    const char *hosts;                /* further names this server goes by, comma-separated; or NULL */
} adapter_options;

typedef struct adapter {
    const char *name;            /* also its option: --http, --grpc */
    const char *default_address; /* "unix:PATH" or "HOST:PORT"; NULL: off unless asked for */
    /* Listen. `bound` gets the address as a client writes it ("127.0.0.1:7880"). Refuses an address
     * beyond this machine without TLS and tokens (adapter_check_safe). */
    cairn_status (*start)(service *s, const adapter_options *options, void **state,
                          char bound[ADAPTER_ADDRESS_BYTES], cairn_error *err);
    cairn_status (*reload)(void *state, cairn_error *err); /* may be NULL */
    void (*drain)(void *state); /* accept nothing new; returns when running requests ended, or after
                                   their grace time */
    void (*stop)(void *state);  /* frees */
} adapter;

/* All adapters of this build, ended by NULL. */
extern const adapter *const adapters[];

/* "HOST:PORT", "[ADDR6]:PORT", ":PORT", "PORT", "unix:PATH". HOST is a numeric address or localhost. */
cairn_status adapter_address_parse(const char *text, adapter_address *out, cairn_error *err);
/* Any address but loopback and unix sockets needs a certificate and at least one token. */
cairn_status adapter_check_safe(service *s, const adapter_options *options, cairn_error *err);

#ifdef __cplusplus
}
#endif
#endif
