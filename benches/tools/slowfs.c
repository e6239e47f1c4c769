/* A folder seen through a file system that takes its time: each question waits, as one over a network does.
 *
 *   cc -O2 benches/tools/slowfs.c $(pkg-config --cflags --libs fuse3) -o slowfs
 *   slowfs MICROSECONDS FOLDER MOUNTPOINT -f -o ro,max_threads=64,entry_timeout=0,attr_timeout=0
 *
 * It is read only, and ends when it is unmounted: fusermount3 -u MOUNTPOINT
 */
#define FUSE_USE_VERSION 31
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <fuse.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static struct timespec delay;
static int base;

static void pause_once(void) {
    struct timespec left = delay;
    while (nanosleep(&left, &left) == -1 && errno == EINTR) {
    }
}

/* Below the folder, whatever the path begins with. */
static const char *below(const char *path) {
    while (*path == '/') path++;
    return *path == '\0' ? "." : path;
}

static int slow_getattr(const char *path, struct stat *out, struct fuse_file_info *info) {
    (void)info;
    pause_once();
    return fstatat(base, below(path), out, AT_SYMLINK_NOFOLLOW) == -1 ? -errno : 0;
}

static int slow_readlink(const char *path, char *room, size_t size) {
    pause_once();
    ssize_t length = readlinkat(base, below(path), room, size - 1);
    if (length == -1) return -errno;
    room[length] = '\0';
    return 0;
}

static int slow_readdir(const char *path, void *room, fuse_fill_dir_t fill, off_t from, struct fuse_file_info *info,
                        enum fuse_readdir_flags flags) {
    (void)from, (void)info, (void)flags;
    pause_once();
    int fd = openat(base, below(path), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd == -1) return -errno;
    DIR *folder = fdopendir(fd);
    if (folder == NULL) {
        close(fd);
        return -ENOMEM;
    }
    for (struct dirent *entry; (entry = readdir(folder)) != NULL;) {
        struct stat kind = {.st_ino = entry->d_ino, .st_mode = (mode_t)entry->d_type << 12};
        if (fill(room, entry->d_name, &kind, 0, 0)) break;
    }
    closedir(folder);
    return 0;
}

static int slow_open(const char *path, struct fuse_file_info *info) {
    pause_once();
    int fd = openat(base, below(path), O_RDONLY | O_CLOEXEC);
    if (fd == -1) return -errno;
    info->fh = (uint64_t)fd;
    return 0;
}

static int slow_read(const char *path, char *room, size_t size, off_t from, struct fuse_file_info *info) {
    (void)path;
    pause_once();
    ssize_t length = pread((int)info->fh, room, size, from);
    return length == -1 ? -errno : (int)length;
}

static int slow_release(const char *path, struct fuse_file_info *info) {
    (void)path;
    close((int)info->fh);
    return 0;
}

static const struct fuse_operations operations = {
    .getattr = slow_getattr,
    .readlink = slow_readlink,
    .readdir = slow_readdir,
    .open = slow_open,
    .read = slow_read,
    .release = slow_release,
};

int main(int count, char **words) {
    if (count < 4) {
        fprintf(stderr, "usage: %s MICROSECONDS FOLDER MOUNTPOINT [FUSE OPTIONS]\n", words[0]);
        return 2;
    }
    long microseconds = strtol(words[1], NULL, 10);
    delay = (struct timespec){.tv_sec = microseconds / 1000000, .tv_nsec = microseconds % 1000000 * 1000};
    base = open(words[2], O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (base == -1) {
        perror(words[2]);
        return 1;
    }
    words[2] = words[0];
    return fuse_main(count - 2, words + 2, &operations, NULL);
}
