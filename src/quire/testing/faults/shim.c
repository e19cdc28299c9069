/* Makes chosen system calls under one folder fail, as an LD_PRELOAD library.
 *
 * The file named by QUIRE_FAULTS is mapped: whoever tests writes into it which calls
 * shall fail, and reads how many there were. `struct control` is mirrored in shim.py.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/uio.h>
#include <unistd.h>

enum { WRITE, SYNC, RENAME, KINDS };

struct control {
    int64_t kinds;        /* bit mask of those that shall fail; 0: none */
    int64_t error;        /* the errno */
    int64_t skip;         /* so many go well before */
    int64_t times;        /* so many fail */
    int64_t failed;       /* so many did */
    int64_t seen[KINDS];  /* so many calls there were */
};

static struct control *control;
static char folder[PATH_MAX];
static size_t length;

__attribute__((constructor)) static void begin(void) {
    const char *file = getenv("QUIRE_FAULTS"), *under = getenv("QUIRE_FAULTS_FOLDER");
    int fd = file && under ? open(file, O_RDWR | O_CLOEXEC) : -1;
    if (fd < 0) return;
    void *mapped = mmap(NULL, sizeof *control, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    close(fd);
    if (mapped == MAP_FAILED) return;
    snprintf(folder, sizeof folder, "%s/", under);
    length = strlen(folder);
    control = mapped;
}

static int fails(int kind) {
    __atomic_add_fetch(&control->seen[kind], 1, __ATOMIC_SEQ_CST);
    if (!(__atomic_load_n(&control->kinds, __ATOMIC_SEQ_CST) >> kind & 1)) return 0;
    if (__atomic_fetch_sub(&control->skip, 1, __ATOMIC_SEQ_CST) > 0) return 0;
    if (__atomic_fetch_sub(&control->times, 1, __ATOMIC_SEQ_CST) <= 0) return 0;
    __atomic_add_fetch(&control->failed, 1, __ATOMIC_SEQ_CST);
    errno = (int)control->error;
    return 1;
}

static int ours(int fd) {
    char link[64], path[PATH_MAX];
    if (!control) return 0;
    int before = errno;
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t size = readlink(link, path, sizeof path - 2);
    errno = before;
    if (size < 0) return 0;
    path[size] = '/';  /* so that the folder itself counts */
    path[size + 1] = 0;
    return strncmp(path, folder, length) == 0;
}

#define NEXT(result, name, ...) \
    static result (*next)(__VA_ARGS__); \
    if (!next) next = (result (*)(__VA_ARGS__))dlsym(RTLD_NEXT, name)

ssize_t write(int fd, const void *data, size_t size) {
    NEXT(ssize_t, "write", int, const void *, size_t);
    return ours(fd) && fails(WRITE) ? -1 : next(fd, data, size);
}

ssize_t writev(int fd, const struct iovec *parts, int count) {
    NEXT(ssize_t, "writev", int, const struct iovec *, int);
    return ours(fd) && fails(WRITE) ? -1 : next(fd, parts, count);
}

ssize_t pwrite(int fd, const void *data, size_t size, off_t at) {
    NEXT(ssize_t, "pwrite", int, const void *, size_t, off_t);
    return ours(fd) && fails(WRITE) ? -1 : next(fd, data, size, at);
}

ssize_t pwrite64(int fd, const void *data, size_t size, off64_t at) {
    NEXT(ssize_t, "pwrite64", int, const void *, size_t, off64_t);
    return ours(fd) && fails(WRITE) ? -1 : next(fd, data, size, at);
}

int fsync(int fd) {
    NEXT(int, "fsync", int);
    return ours(fd) && fails(SYNC) ? -1 : next(fd);
}

int fdatasync(int fd) {
    NEXT(int, "fdatasync", int);
    return ours(fd) && fails(SYNC) ? -1 : next(fd);
}

int rename(const char *old, const char *new) {
    NEXT(int, "rename", const char *, const char *);
    int inside = control && strncmp(new, folder, length) == 0;
    return inside && fails(RENAME) ? -1 : next(old, new);
}

int renameat(int from, const char *old, int to, const char *new) {
    NEXT(int, "renameat", int, const char *, int, const char *);
    int inside = control && (*new == '/' ? strncmp(new, folder, length) == 0 : ours(to));
    return inside && fails(RENAME) ? -1 : next(from, old, to, new);
}
