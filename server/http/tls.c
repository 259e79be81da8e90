/* tls.c - see tls.h. A pair that was replaced is kept until the end: a handshake may be using it. They come
 * with SIGHUPs, a few a year. */
#include "server/http/tls.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define CHAIN_MOST 16

typedef struct tls_pair {
    struct tls_pair *before;
    gnutls_pcert_st chain[CHAIN_MOST];
    unsigned n;
    gnutls_privkey_t key;
} tls_pair;

static _Atomic(tls_pair *) in_force;

static void pair_free(tls_pair *p)
{
    for (unsigned i = 0; i < p->n; i++)
        gnutls_pcert_deinit(&p->chain[i]);
    if (p->key)
        gnutls_privkey_deinit(p->key);
    free(p);
}

static bool same_key(const tls_pair *p)
{
    unsigned char mine[64], theirs[64];
    size_t n_mine = sizeof mine, n_theirs = sizeof theirs;
    gnutls_pubkey_t key = NULL;
    bool same = !gnutls_pubkey_init(&key) && !gnutls_pubkey_import_privkey(key, p->key, 0, 0) &&
                !gnutls_pubkey_get_key_id(key, 0, mine, &n_mine) &&
                !gnutls_pubkey_get_key_id(p->chain[0].pubkey, 0, theirs, &n_theirs) &&
                n_mine == n_theirs && !memcmp(mine, theirs, n_mine);

    gnutls_pubkey_deinit(key);
    return same;
}

static cairn_status load(const char *path, gnutls_datum_t *out, cairn_error *err)
{
    int rc = gnutls_load_file(path, out);

    return rc ? cairn_fail(err, CAIRN_EIO, "read %s: %s", path, gnutls_strerror(rc)) : CAIRN_OK;
}

static cairn_status make_pair(tls_pair *p, const char *cert_file, const char *key_file, cairn_error *err)
{
    gnutls_datum_t cert = {0}, key = {0};
    unsigned n = CHAIN_MOST;
    cairn_status st = load(cert_file, &cert, err);

    if (!st)
        st = load(key_file, &key, err);
    if (!st && (gnutls_pcert_list_import_x509_raw(p->chain, &n, &cert, GNUTLS_X509_FMT_PEM, 0) || !n))
        st = cairn_fail(err, CAIRN_EUSAGE, "%s holds no certificates in PEM (at most %d)", cert_file,
                        CHAIN_MOST);
    else if (!st)
        p->n = n;
    if (!st && (gnutls_privkey_init(&p->key) ||
                gnutls_privkey_import_x509_raw(p->key, &key, GNUTLS_X509_FMT_PEM, NULL, 0)))
        st = cairn_fail(err, CAIRN_EUSAGE, "%s holds no key in PEM", key_file);
    if (!st && !same_key(p))
        st = cairn_fail(err, CAIRN_EUSAGE, "certificate and key do not belong together: %s, %s",
                        cert_file, key_file);
    gnutls_free(cert.data);
    if (key.data)
        gnutls_memset(key.data, 0, key.size);
    gnutls_free(key.data);
    return st;
}

cairn_status tls_read(const char *cert_file, const char *key_file, cairn_error *err)
{
    tls_pair *p = calloc(1, sizeof *p);
    cairn_status st = p ? make_pair(p, cert_file, key_file, err)
                        : cairn_fail(err, CAIRN_ENOMEM, "certificate");

    if (st) {
        if (p)
            pair_free(p);
        return st;
    }
    p->before = atomic_load(&in_force);
    atomic_store(&in_force, p);
    return CAIRN_OK;
}

void tls_clear(void)
{
    tls_pair *p = atomic_exchange(&in_force, NULL);

    while (p) {
        tls_pair *before = p->before;
        pair_free(p);
        p = before;
    }
}

int tls_give(gnutls_session_t session, const gnutls_datum_t *authorities, int n_authorities,
             const gnutls_pk_algorithm_t *algorithms, int n_algorithms, gnutls_pcert_st **chain,
             unsigned *n, gnutls_privkey_t *key)
{
    tls_pair *p = atomic_load(&in_force);

    (void)session, (void)authorities, (void)n_authorities, (void)algorithms, (void)n_algorithms;
    if (!p)
        return -1;
    *chain = p->chain;
    *n = p->n;
    *key = p->key;
    return 0;
}
