/* The least that a check of a registry's storage asks of the kernel, and nothing else: on one thread, every folder listed once,
 * every blob's data looked at, every link and every manifest that one names read. Nothing is kept, judged or said.
 *
 *   cc -O2 benches/tools/walk.c -o walk
 *   walk ROOT
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define FOLDER (O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
#define FILE_FLAGS (O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC)

struct entry {
    ino64_t number;
    off64_t next;
    unsigned short length;
    unsigned char kind;
    char name[];
};

typedef void (*visitor)(int folder, const char *name);

static int blobs;

/* Hand each folder in a folder to `visit`, which may open more; the listing has a handle of its own. */
static void each(int above, const char *name, visitor visit) {
    int folder = openat(above, name, FOLDER);
    if (folder == -1) return;
    int listing = openat(folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    char *room = malloc(32 << 10);
    for (long got; (got = syscall(SYS_getdents64, listing, room, 32 << 10)) > 0;) {
        for (long at = 0; at < got;) {
            struct entry *entry = (struct entry *)(room + at);
            at += entry->length;
            if (entry->kind == DT_DIR && entry->name[0] != '.') visit(folder, entry->name);
        }
    }
    free(room);
    close(listing);
    close(folder);
}

static void look_at_blob(int shard, const char *hex) {
    char path[160];
    struct stat seen;
    snprintf(path, sizeof path, "%s/data", hex);
    fstatat(shard, path, &seen, AT_SYMLINK_NOFOLLOW);
}

static void list_shard(int algorithm, const char *shard) { each(algorithm, shard, look_at_blob); }

static long read_link(int folder, const char *path, char *room, size_t size) {
    int link = openat(folder, path, FILE_FLAGS);
    if (link == -1) return -1;
    long length = read(link, room, size);
    close(link);
    return length;
}

static void read_layer(int folder, const char *hex) {
    char path[160], room[512];
    snprintf(path, sizeof path, "%s/link", hex);
    read_link(folder, path, room, sizeof room);
}

static void read_revision(int folder, const char *hex) {
    static char content[4 << 20];
    char path[200];
    struct stat seen;
    read_layer(folder, hex);
    snprintf(path, sizeof path, "sha256/%.2s/%s/data", hex, hex);
    int manifest = openat(blobs, path, FILE_FLAGS);
    if (manifest == -1) return;
    fstat(manifest, &seen);
    for (long left = seen.st_size; left > 0;) {
        long got = read(manifest, content, (size_t)left < sizeof content ? (size_t)left : sizeof content);
        if (got <= 0) break;
        left -= got;
    }
    close(manifest);
}

static void read_tag(int folder, const char *tag) {
    char path[400], room[512];
    struct stat seen;
    snprintf(path, sizeof path, "%s/current", tag);
    fstatat(folder, path, &seen, AT_SYMLINK_NOFOLLOW);
    snprintf(path, sizeof path, "%s/current/link", tag);
    read_link(folder, path, room, sizeof room);
}

static void read_layers(int folder, const char *algorithm) { each(folder, algorithm, read_layer); }
static void read_revisions(int folder, const char *algorithm) { each(folder, algorithm, read_revision); }

static void read_manifests(int folder, const char *name) {
    if (strcmp(name, "revisions") == 0) each(folder, name, read_revisions);
    if (strcmp(name, "tags") == 0) each(folder, name, read_tag);
}

static void look_into(int folder, const char *name) {
    if (strcmp(name, "_layers") == 0) each(folder, name, read_layers);
    else if (strcmp(name, "_manifests") == 0) each(folder, name, read_manifests);
    else if (name[0] != '_') each(folder, name, look_into);
}

int main(int count, char **words) {
    if (count != 2 || chdir(words[1]) == -1 || chdir("docker/registry/v2") == -1) {
        fprintf(stderr, "usage: %s ROOT\n", words[0]);
        return 2;
    }
    blobs = openat(AT_FDCWD, "blobs", FOLDER);
    each(blobs, "sha256", list_shard);
    each(AT_FDCWD, "repositories", look_into);
    return 0;
}
