/* power.c - see power.h. The files are described in the kernel's ABI/testing/sysfs-class-power. */
#include "engine/power.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* The first line of a small file; false when it cannot be read. */
static bool read_word(int dir, const char *supply, const char *name, char *out, size_t cap)
{
    char path[512];
    int fd;
    ssize_t n;

    if (snprintf(path, sizeof path, "%s/%s", supply, name) >= (int)sizeof path)
        return false;
    fd = openat(dir, path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return false;
    n = read(fd, out, cap - 1);
    close(fd);
    if (n < 0)
        return false;
    out[n] = 0;
    out[strcspn(out, "\n")] = 0;
    return true;
}

bool power_on_battery(const char *folder)
{
    DIR *dir = opendir(folder);
    bool mains = false, discharging = false;
    struct dirent *e;

    while (dir && (e = readdir(dir))) {
        char type[32], word[32], scope[32];
        if (e->d_name[0] == '.' || !read_word(dirfd(dir), e->d_name, "type", type, sizeof type))
            continue;
        if (read_word(dirfd(dir), e->d_name, "scope", scope, sizeof scope) &&
            !strcmp(scope, "Device"))
            continue; /* a mouse's battery */
        if (!strcmp(type, "Battery"))
            discharging |= read_word(dirfd(dir), e->d_name, "status", word, sizeof word) &&
                           !strcmp(word, "Discharging");
        else
            mains |= read_word(dirfd(dir), e->d_name, "online", word, sizeof word) &&
                     !strcmp(word, "1");
    }
    if (dir)
        closedir(dir);
    return discharging && !mains;
}
