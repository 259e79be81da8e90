/* jobs_journal.c - see jobs_journal.h. */
#include "server/jobs_journal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <unistd.h>

struct jobs_journal {
    char *path, *fresh;
    int lock;
};

void jobs_journal_close(jobs_journal *j)
{
    if (!j)
        return;
    if (j->lock >= 0)
        close(j->lock);
    free(j->path);
    free(j->fresh);
    free(j);
}

static cairn_status take_lock(jobs_journal *j, const char *home, cairn_error *err)
{
    char *path;
    cairn_status st = CAIRN_OK;

    if (asprintf(&path, "%s/jobs.lock", home) < 0)
        return cairn_fail(err, CAIRN_ENOMEM, "journal of jobs");
    j->lock = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (j->lock < 0)
        st = cairn_fail_errno(err, errno, "open %s", path);
    else if (flock(j->lock, LOCK_EX | LOCK_NB))
        st = errno == EWOULDBLOCK ? cairn_fail(err, CAIRN_EBUSY, "another server keeps %s/jobs.json", home)
                                  : cairn_fail_errno(err, errno, "lock %s", path);
    free(path);
    return st;
}

cairn_status jobs_journal_open(jobs_journal **out, const char *home, cairn_error *err)
{
    jobs_journal *j = calloc(1, sizeof *j);
    cairn_status st;

    *out = NULL;
    if (!j)
        return cairn_fail(err, CAIRN_ENOMEM, "journal of jobs");
    j->lock = -1;
    if (asprintf(&j->path, "%s/jobs.json", home) < 0)
        j->path = NULL;
    if (asprintf(&j->fresh, "%s/jobs.json.new", home) < 0)
        j->fresh = NULL;
    st = j->path && j->fresh ? take_lock(j, home, err) : cairn_fail(err, CAIRN_ENOMEM, "journal of jobs");
    if (st)
        jobs_journal_close(j);
    else
        *out = j;
    return st;
}

json_t *jobs_journal_read(const jobs_journal *j)
{
    json_t *jobs = json_load_file(j->path, 0, NULL);

    if (json_is_array(jobs))
        return jobs;
    json_decref(jobs);
    return json_array();
}

cairn_status jobs_journal_write(jobs_journal *j, const json_t *jobs, cairn_error *err)
{
    int fd = open(j->fresh, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
    cairn_status st = CAIRN_OK;

    if (fd < 0)
        return cairn_fail_errno(err, errno, "create %s", j->fresh);
    if (json_dumpfd(jobs, fd, JSON_COMPACT) || fdatasync(fd))
        st = cairn_fail_errno(err, errno, "write %s", j->fresh);
    if (close(fd) && !st)
        st = cairn_fail_errno(err, errno, "close %s", j->fresh);
    if (!st && rename(j->fresh, j->path))
        st = cairn_fail_errno(err, errno, "rename %s", j->fresh);
    if (st)
        unlink(j->fresh);
    return st;
}
