/* opener.c - see opener.h. */
#include "server/desktop/opener.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

/* How each viewer is told the page. */
static const struct {
    const char *desktop_file, *program, *page_option; /* with = at its end: joined to the number */
} viewers[] = {
    {"org.kde.okular", "okular", "-p"},
    {"okularApplication_pdf", "okular", "-p"},
    {"org.gnome.Evince", "evince", "--page-index="},
    {"org.gnome.Papers", "papers", "--page-index="},
};
#define N_VIEWERS (sizeof viewers / sizeof *viewers)

/* The viewer among those above that the desktop has for PDF, or NULL. */
static const char *pdf_viewer(void)
{
    FILE *f = popen("xdg-mime query default application/pdf 2>/dev/null", "re");
    char line[256] = "";

    if (!f)
        return NULL;
    if (!fgets(line, sizeof line, f))
        line[0] = '\0';
    pclose(f);
    for (size_t i = 0; i < N_VIEWERS; i++)
        if (!strncmp(line, viewers[i].desktop_file, strlen(viewers[i].desktop_file)))
            return viewers[i].program;
    return NULL;
}

static const char *page_option_of(const char *program)
{
    const char *slash = strrchr(program, '/'), *name = slash ? slash + 1 : program;

    for (size_t i = 0; i < N_VIEWERS; i++)
        if (!strcmp(name, viewers[i].program))
            return viewers[i].page_option;
    return NULL;
}

static bool is_pdf(const char *path)
{
    size_t n = strlen(path);
    return n > 4 && !strcasecmp(path + n - 4, ".pdf");
}

/* Detached: a child of a child, so that nobody has to wait for the viewer. The pipe closes without
 * a byte once the program runs, and carries errno where it does not. */
static int start_detached(char *const argv[])
{
    int report[2], failed = 0;
    pid_t pid;

    if (pipe2(report, O_CLOEXEC))
        return errno;
    pid = fork();
    if (pid == 0) {
        pid_t viewer;
        int e;
        setsid();
        viewer = fork();
        if (viewer)
            _exit(viewer < 0);
        execvp(argv[0], argv);
        e = errno;
        (void)!write(report[1], &e, sizeof e);
        _exit(127);
    }
    close(report[1]);
    if (pid < 0)
        failed = errno;
    else if (read(report[0], &failed, sizeof failed) != sizeof failed)
        failed = 0;
    close(report[0]);
    if (pid > 0)
        while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
            ;
    return failed;
}

static cairn_status start(char *const argv[], cairn_error *err)
{
    int failed = start_detached(argv);

    if (failed == ENOENT)
        return cairn_fail(
            err, CAIRN_EUNSUPPORTED,
            "the program %s is not installed: name another with --opener or CAIRN_OPENER", argv[0]);
    return failed ? cairn_fail_errno(err, failed, "start %s", argv[0]) : CAIRN_OK;
}

/* The file behind a document's name: the name itself, or the archive it is in. Malloced. */
static char *file_of(const char *uri)
{
    char *path = strdup(uri), *inside;
    struct stat sb;

    while (path && stat(path, &sb)) {
        inside = strstr(path, "!/");
        for (char *next; inside && (next = strstr(inside + 2, "!/"));)
            inside = next; /* the innermost archive first */
        if (!inside) {
            free(path);
            return NULL;
        }
        *inside = '\0';
    }
    return path;
}

cairn_status opener_start(const char *program, const char *uri, uint32_t page, cairn_error *err)
{
    char *path = file_of(uri), absolute[PATH_MAX], number[48];
    const char *viewer = program && *program ? program : NULL, *option;
    char *argv[5];
    size_t n = 0;
    bool found = path && realpath(path, absolute);

    free(path);
    if (!found)
        return cairn_fail(err, CAIRN_ENOTFOUND, "%s is not a file that can be opened", uri);
    if (!viewer && page && is_pdf(absolute))
        viewer = pdf_viewer();
    if (!viewer)
        viewer = "xdg-open";
    argv[n++] = (char *)viewer;
    option = page ? page_option_of(viewer) : NULL;
    if (option && option[strlen(option) - 1] == '=') {
        snprintf(number, sizeof number, "%s%u", option, page);
        argv[n++] = number;
    } else if (option) {
        snprintf(number, sizeof number, "%u", page);
        argv[n++] = (char *)option;
        argv[n++] = number;
    }
    argv[n++] = absolute;
    argv[n] = NULL;
    return start(argv, err);
}

cairn_status opener_address(const char *program, const char *url, cairn_error *err)
{
    char *argv[] = {(char *)(program && *program ? program : "xdg-open"), (char *)url, NULL};
    return start(argv, err);
}
