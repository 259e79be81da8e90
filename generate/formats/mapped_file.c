/* mapped_file.c - open, check that it is a regular file, map, close the descriptor. */
#include "generate/formats/mapped_file.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

cairn_status mapped_file_open(mapped_file *f, const char *path, cairn_error *err)
{
    memset(f, 0, sizeof *f);
    f->data = (const uint8_t *)"";
    /* O_NONBLOCK: a FIFO of that name must not hold us up. */
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0) {
        if (errno == ENOENT)
            return cairn_fail(err, CAIRN_EMODEL, "%s: there is no such model file", path);
        return cairn_fail_errno(err, errno, "open %s", path);
    }
    struct stat sb;
    cairn_status st = CAIRN_OK;
    if (fstat(fd, &sb)) {
        st = cairn_fail_errno(err, errno, "stat %s", path);
    } else if (!S_ISREG(sb.st_mode)) {
        st = cairn_fail(err, CAIRN_EMODEL, "%s: not a regular file", path);
    } else if (sb.st_size > 0) {
        void *m = mmap(NULL, (size_t)sb.st_size, PROT_READ, MAP_SHARED, fd, 0);
        if (m == MAP_FAILED) {
            st = cairn_fail_errno(err, errno, "map %s", path);
        } else {
            f->mapping = m;
            f->data = m;
            f->len = (size_t)sb.st_size;
        }
    }
    close(fd);
    return st;
}

void mapped_file_close(mapped_file *f)
{
    if (f->mapping)
        munmap(f->mapping, f->len);
    memset(f, 0, sizeof *f);
}
