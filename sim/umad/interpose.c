/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/*
 * The entry points: libc functions in front of libc's own. Paths and descriptors that are not simulated go through
 * untouched. What a simulated path means is decided in sysfs.c, what a simulated device does in file.c.
 *
 * Not simulated: relative paths into the simulated folders, telldir() and dirfd() on them, and devices across exec().
 */
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>
#include <utlist.h>

#include "sim/umad/adapter.h"
#include "sim/umad/capture.h"
#include "sim/umad/fd_table.h"
#include "sim/umad/file.h"
#include "sim/umad/sysfs.h"

#define EXPORT __attribute__((visibility("default")))
#define UMAD_MAJOR 231 /* the kernel's device numbers of umad0 and issm0 */
#define ISSM_MINOR 64

_Static_assert(sizeof(struct stat) == sizeof(struct stat64), "one layout, so one function fills both");
_Static_assert(sizeof(struct dirent) == sizeof(struct dirent64), "one layout, so one function fills both");

/* libc's own function of a name, looked up once. A race does the same look-up twice. */
#define REAL(name) \
	({ \
		static _Atomic(__typeof__(&(name))) real_; \
		if (!real_) \
			real_ = (__typeof__(&(name)))dlsym(RTLD_NEXT, #name); \
		(__typeof__(&(name)))real_; \
	})

/* Fortified entry points, which no header declares. */
EXPORT int __open_2(const char *path, int flags);
EXPORT int __open64_2(const char *path, int flags);
EXPORT int __openat_2(int dir_fd, const char *path, int flags);
EXPORT int __openat64_2(int dir_fd, const char *path, int flags);
EXPORT ssize_t __read_chk(int fd, void *buffer, size_t count, size_t size);

/* An open simulated folder. Programs hold it as DIR *. */
struct folder {
	struct folder *prev, *next;
	struct hf_sysfs_node node;
	unsigned int adapters;
	unsigned int port;
	unsigned int position;
	struct dirent entry;
};

static pthread_mutex_t folders_lock = PTHREAD_MUTEX_INITIALIZER; /* guards the list */
static struct folder *folders;

static void forget_in_child(void)
{
	hf_fd_forget();
	hf_adapters_forget();
	hf_capture_forget();
	pthread_mutex_init(&folders_lock, NULL);
}

__attribute__((constructor)) static void initialize(void)
{
	pthread_atfork(NULL, NULL, forget_in_child);
}

__attribute__((destructor)) static void finish(void)
{
	hf_adapters_shutdown();
}

static ssize_t set_errno(ssize_t rc)
{
	if (rc >= 0)
		return rc;
	errno = (int)-rc;
	return -1;
}

/* ---- paths ---- */

/* The port in a path must be the one that the adapter has; only ibsim knows. */
static int check_port(struct hf_adapter *adapter, const struct hf_sysfs_node *node)
{
	struct hf_adapter_facts facts;

	if (!node->has_port)
		return 0;
	if (hf_adapter_get_facts(adapter, HF_SYSFS_NEEDS_PORT_INFO, &facts) < 0)
		return -ENODEV;
	return node->port == hf_sysfs_port_number(&facts) ? 0 : -ENOENT;
}

/*
 * 1 if the path is simulated and exists, with the node and, where it has one, its adapter; 0 if it is none of ours;
 * -ENOENT or -ENODEV.
 */
static int resolve(const char *path, struct hf_sysfs_node *ret_node, struct hf_adapter **ret_adapter)
{
	struct hf_adapter *adapters;
	unsigned int count;
	int rc;

	if (!hf_sysfs_is_ours(path))
		return 0;
	adapters = hf_adapters(&count);
	rc = hf_sysfs_lookup(path, count, ret_node);
	if (rc < 0)
		return hf_sysfs_is_inside(path) ? rc : 0;
	*ret_adapter = ret_node->has_adapter ? &adapters[ret_node->adapter] : NULL;
	rc = *ret_adapter ? check_port(*ret_adapter, ret_node) : 0;
	return rc < 0 ? rc : 1;
}

static int open_text(const struct hf_sysfs_node *node, struct hf_adapter *adapter, int flags)
{
	char text[HF_SYSFS_TEXT_SIZE];
	struct hf_adapter_facts facts;
	unsigned int needs = hf_sysfs_needs(node);
	size_t len;
	int fd, rc;

	if ((flags & O_ACCMODE) != O_RDONLY)
		return -EACCES;
	if (node->has_adapter) {
		rc = hf_adapter_get_facts(adapter, needs, &facts);
		if (rc < 0)
			return rc;
	}
	len = hf_sysfs_read(node, &facts, text);
	fd = memfd_create("hfsim-sysfs", flags & O_CLOEXEC ? MFD_CLOEXEC : 0);
	if (fd < 0)
		return -errno;
	if (pwrite(fd, text, len, 0) != (ssize_t)len) {
		close(fd);
		return -EIO;
	}
	return fd;
}

static int open_device(const struct hf_sysfs_node *node, struct hf_adapter *adapter, int flags)
{
	enum hf_file_kind kind = node->kind == HF_SYSFS_UMAD ? HF_FILE_UMAD : HF_FILE_ISSM;
	struct hf_file *file;
	int rc, fd = hf_file_open(adapter, kind, flags, &file);

	if (fd < 0)
		return fd;
	rc = hf_fd_install(fd, file);
	if (rc < 0) {
		close(fd);
		hf_file_put(file);
		return rc;
	}
	return fd;
}

static int open_node(const struct hf_sysfs_node *node, struct hf_adapter *adapter, int flags)
{
	switch (node->kind) {
	case HF_SYSFS_FILE:
		return flags & O_DIRECTORY ? -ENOTDIR : open_text(node, adapter, flags);
	case HF_SYSFS_UMAD:
	case HF_SYSFS_ISSM:
		return flags & O_DIRECTORY ? -ENOTDIR : open_device(node, adapter, flags);
	case HF_SYSFS_DIR:
		return -EISDIR; /* opendir() reads them */
	}
	return -ENOENT;
}

/* True if the path is simulated; the result of open() is in *ret_fd then. */
static bool open_simulated(const char *path, int flags, int *ret_fd)
{
	struct hf_adapter *adapter;
	struct hf_sysfs_node node;
	int rc = resolve(path, &node, &adapter);

	if (rc == 0)
		return false;
	*ret_fd = (int)set_errno(rc < 0 ? rc : open_node(&node, adapter, flags));
	return true;
}

/* The mode is there only if a file may be made. */
#define GET_MODE(flags) \
	({ \
		mode_t mode_ = 0; \
		if ((flags) & (O_CREAT | __O_TMPFILE)) { \
			va_list args_; \
			va_start(args_, flags); \
			mode_ = va_arg(args_, mode_t); \
			va_end(args_); \
		} \
		mode_; \
	})

EXPORT int open(const char *path, int flags, ...)
{
	mode_t mode = GET_MODE(flags);
	int fd;

	return open_simulated(path, flags, &fd) ? fd : REAL(open)(path, flags, mode);
}

EXPORT int open64(const char *path, int flags, ...)
{
	mode_t mode = GET_MODE(flags);
	int fd;

	return open_simulated(path, flags, &fd) ? fd : REAL(open64)(path, flags, mode);
}

EXPORT int openat(int dir_fd, const char *path, int flags, ...)
{
	mode_t mode = GET_MODE(flags);
	int fd;

	return open_simulated(path, flags, &fd) ? fd : REAL(openat)(dir_fd, path, flags, mode);
}

EXPORT int openat64(int dir_fd, const char *path, int flags, ...)
{
	mode_t mode = GET_MODE(flags);
	int fd;

	return open_simulated(path, flags, &fd) ? fd : REAL(openat64)(dir_fd, path, flags, mode);
}

EXPORT int __open_2(const char *path, int flags)
{
	int fd;

	return open_simulated(path, flags, &fd) ? fd : REAL(__open_2)(path, flags);
}

EXPORT int __open64_2(const char *path, int flags)
{
	int fd;

	return open_simulated(path, flags, &fd) ? fd : REAL(__open64_2)(path, flags);
}

EXPORT int __openat_2(int dir_fd, const char *path, int flags)
{
	int fd;

	return open_simulated(path, flags, &fd) ? fd : REAL(__openat_2)(dir_fd, path, flags);
}

EXPORT int __openat64_2(int dir_fd, const char *path, int flags)
{
	int fd;

	return open_simulated(path, flags, &fd) ? fd : REAL(__openat64_2)(dir_fd, path, flags);
}

/* True if the path is simulated; the result of fopen() is in *ret_stream then. */
static bool fopen_simulated(const char *path, const char *mode, FILE **ret_stream)
{
	int flags = (mode[0] == 'r' && !strchr(mode, '+') ? O_RDONLY : O_RDWR) | (strchr(mode, 'e') ? O_CLOEXEC : 0);
	int fd;

	if (!open_simulated(path, flags, &fd))
		return false;
	*ret_stream = fd < 0 ? NULL : fdopen(fd, mode);
	return true;
}

EXPORT FILE *fopen(const char *path, const char *mode)
{
	FILE *stream;

	return fopen_simulated(path, mode, &stream) ? stream : REAL(fopen)(path, mode);
}

EXPORT FILE *fopen64(const char *path, const char *mode)
{
	FILE *stream;

	return fopen_simulated(path, mode, &stream) ? stream : REAL(fopen64)(path, mode);
}

/* ---- what is known of a path without opening it ---- */

static mode_t node_mode(const struct hf_sysfs_node *node)
{
	switch (node->kind) {
	case HF_SYSFS_DIR:
		return S_IFDIR | 0555;
	case HF_SYSFS_FILE:
		return S_IFREG | 0444;
	case HF_SYSFS_UMAD:
	case HF_SYSFS_ISSM:
		return S_IFCHR | 0666;
	}
	return 0;
}

static unsigned int node_minor(const struct hf_sysfs_node *node)
{
	return node->adapter + (node->kind == HF_SYSFS_ISSM ? ISSM_MINOR : 0);
}

static bool stat_simulated(const char *path, struct stat *status, int *ret_rc)
{
	struct hf_adapter *adapter;
	struct hf_sysfs_node node;
	int rc = resolve(path, &node, &adapter);

	if (rc == 0)
		return false;
	*ret_rc = (int)set_errno(rc < 0 ? rc : 0);
	if (rc < 0)
		return true;
	memset(status, 0, sizeof(*status));
	status->st_mode = node_mode(&node);
	status->st_nlink = 1;
	if (S_ISCHR(status->st_mode))
		status->st_rdev = makedev(UMAD_MAJOR, node_minor(&node));
	if (S_ISREG(status->st_mode))
		status->st_size = sysconf(_SC_PAGESIZE); /* as sysfs has it */
	return true;
}

EXPORT int stat(const char *path, struct stat *status)
{
	int rc;

	return stat_simulated(path, status, &rc) ? rc : REAL(stat)(path, status);
}

EXPORT int stat64(const char *path, struct stat64 *status)
{
	int rc;

	return stat_simulated(path, (struct stat *)status, &rc) ? rc : REAL(stat64)(path, status);
}

EXPORT int lstat(const char *path, struct stat *status)
{
	int rc;

	return stat_simulated(path, status, &rc) ? rc : REAL(lstat)(path, status);
}

EXPORT int lstat64(const char *path, struct stat64 *status)
{
	int rc;

	return stat_simulated(path, (struct stat *)status, &rc) ? rc : REAL(lstat64)(path, status);
}

EXPORT int fstatat(int dir_fd, const char *path, struct stat *status, int flags)
{
	int rc;

	return stat_simulated(path, status, &rc) ? rc : REAL(fstatat)(dir_fd, path, status, flags);
}

EXPORT int fstatat64(int dir_fd, const char *path, struct stat64 *status, int flags)
{
	int rc;

	return stat_simulated(path, (struct stat *)status, &rc) ? rc : REAL(fstatat64)(dir_fd, path, status, flags);
}

EXPORT int statx(int dir_fd, const char *path, int flags, unsigned int mask, struct statx *status)
{
	struct stat simulated;
	int rc;

	if (!stat_simulated(path, &simulated, &rc))
		return REAL(statx)(dir_fd, path, flags, mask, status);
	if (rc < 0)
		return rc;
	memset(status, 0, sizeof(*status));
	status->stx_mask = STATX_TYPE | STATX_MODE | STATX_NLINK | STATX_SIZE;
	status->stx_mode = (uint16_t)simulated.st_mode;
	status->stx_nlink = 1;
	status->stx_size = (uint64_t)simulated.st_size;
	status->stx_rdev_major = major(simulated.st_rdev);
	status->stx_rdev_minor = minor(simulated.st_rdev);
	return 0;
}

static bool access_simulated(const char *path, int mode, int *ret_rc)
{
	struct stat status;
	mode_t wanted = (mode & R_OK ? 0444 : 0) | (mode & W_OK ? 0222 : 0) | (mode & X_OK ? 0111 : 0);

	if (!stat_simulated(path, &status, ret_rc))
		return false;
	if (*ret_rc == 0 && (status.st_mode & wanted) != wanted)
		*ret_rc = (int)set_errno(-EACCES);
	return true;
}

EXPORT int access(const char *path, int mode)
{
	int rc;

	return access_simulated(path, mode, &rc) ? rc : REAL(access)(path, mode);
}

EXPORT int faccessat(int dir_fd, const char *path, int mode, int flags)
{
	int rc;

	return access_simulated(path, mode, &rc) ? rc : REAL(faccessat)(dir_fd, path, mode, flags);
}

/* ---- folders ---- */

static int make_folder(const struct hf_sysfs_node *node, struct hf_adapter *adapter, struct folder **ret_folder)
{
	struct folder *folder;
	struct hf_adapter_facts facts = { 0 };

	if (node->kind != HF_SYSFS_DIR)
		return -ENOTDIR;
	if (adapter && hf_adapter_get_facts(adapter, HF_SYSFS_NEEDS_PORT_INFO, &facts) < 0)
		return -ENODEV;
	folder = calloc(1, sizeof(*folder));
	if (!folder)
		return -ENOMEM;
	folder->node = *node;
	hf_adapters(&folder->adapters);
	folder->port = hf_sysfs_port_number(&facts);
	*ret_folder = folder;
	return 0;
}

static unsigned char entry_type(enum hf_sysfs_kind kind)
{
	switch (kind) {
	case HF_SYSFS_DIR:
		return DT_DIR;
	case HF_SYSFS_FILE:
		return DT_REG;
	case HF_SYSFS_UMAD:
	case HF_SYSFS_ISSM:
		return DT_CHR;
	}
	return DT_UNKNOWN;
}

static struct dirent *next_entry(struct folder *folder)
{
	static const char *const first_names[] = { ".", ".." };
	char name[HF_SYSFS_NAME_SIZE];
	enum hf_sysfs_kind kind = HF_SYSFS_DIR;
	unsigned int position = folder->position;

	if (position < 2)
		snprintf(name, sizeof(name), "%s", first_names[position]);
	else if (!hf_sysfs_entry(&folder->node, position - 2, folder->adapters, folder->port, name, &kind))
		return NULL;
	folder->position++;
	memset(&folder->entry, 0, sizeof(folder->entry));
	folder->entry.d_ino = folder->position;
	folder->entry.d_off = folder->position;
	folder->entry.d_reclen = sizeof(folder->entry);
	folder->entry.d_type = entry_type(kind);
	memcpy(folder->entry.d_name, name, sizeof(name));
	return &folder->entry;
}

/* The simulated folder that a DIR * stands for, NULL if it is libc's. */
static struct folder *find_folder(const DIR *dir)
{
	struct folder *folder;

	pthread_mutex_lock(&folders_lock);
	DL_FOREACH(folders, folder)
		if ((const void *)folder == (const void *)dir)
			break;
	pthread_mutex_unlock(&folders_lock);
	return folder;
}

EXPORT DIR *opendir(const char *path)
{
	struct hf_adapter *adapter;
	struct hf_sysfs_node node;
	struct folder *folder;
	int rc = resolve(path, &node, &adapter);

	if (rc == 0)
		return REAL(opendir)(path);
	if (rc > 0)
		rc = make_folder(&node, adapter, &folder);
	if (rc < 0) {
		errno = -rc;
		return NULL;
	}
	pthread_mutex_lock(&folders_lock);
	DL_APPEND(folders, folder);
	pthread_mutex_unlock(&folders_lock);
	return (DIR *)folder;
}

EXPORT struct dirent *readdir(DIR *dir)
{
	struct folder *folder = find_folder(dir);

	return folder ? next_entry(folder) : REAL(readdir)(dir);
}

EXPORT struct dirent64 *readdir64(DIR *dir)
{
	struct folder *folder = find_folder(dir);

	return folder ? (struct dirent64 *)next_entry(folder) : REAL(readdir64)(dir);
}

EXPORT void rewinddir(DIR *dir)
{
	struct folder *folder = find_folder(dir);

	if (folder)
		folder->position = 0;
	else
		REAL(rewinddir)(dir);
}

EXPORT int closedir(DIR *dir)
{
	struct folder *folder = find_folder(dir);

	if (!folder)
		return REAL(closedir)(dir);
	pthread_mutex_lock(&folders_lock);
	DL_DELETE(folders, folder);
	pthread_mutex_unlock(&folders_lock);
	free(folder);
	return 0;
}

struct name_list {
	struct dirent **entries;
	size_t count;
	size_t room;
};

static void free_list(struct name_list *list)
{
	for (size_t i = 0; i < list->count; i++)
		free(list->entries[i]);
	free(list->entries);
}

static int append_entry(struct name_list *list, const struct dirent *entry)
{
	if (list->count == list->room) {
		size_t room = list->room ? 2 * list->room : 16;
		struct dirent **entries = reallocarray(list->entries, room, sizeof(*entries));

		if (!entries)
			return -ENOMEM;
		list->entries = entries;
		list->room = room;
	}
	list->entries[list->count] = malloc(sizeof(*entry));
	if (!list->entries[list->count])
		return -ENOMEM;
	*list->entries[list->count++] = *entry;
	return 0;
}

typedef int filter_fn(const struct dirent *);
typedef int compare_fn(const struct dirent **, const struct dirent **);

static int scan_folder(struct folder *folder, filter_fn *filter, compare_fn *compare, struct dirent ***ret_entries)
{
	struct name_list list = { 0 };
	struct dirent *entry;

	while ((entry = next_entry(folder)))
		if ((!filter || filter(entry)) && append_entry(&list, entry) < 0) {
			free_list(&list);
			return -ENOMEM;
		}
	if (compare && list.count > 0)
		qsort(list.entries, list.count, sizeof(*list.entries), (int (*)(const void *, const void *))compare);
	*ret_entries = list.entries;
	return (int)list.count;
}

static bool scan_simulated(const char *path, filter_fn *filter, compare_fn *compare, struct dirent ***ret_entries,
			   int *ret_count)
{
	struct hf_adapter *adapter;
	struct hf_sysfs_node node;
	struct folder *folder;
	int rc = resolve(path, &node, &adapter);

	if (rc == 0)
		return false;
	if (rc > 0)
		rc = make_folder(&node, adapter, &folder);
	if (rc == 0) {
		rc = scan_folder(folder, filter, compare, ret_entries);
		free(folder);
	}
	*ret_count = (int)set_errno(rc);
	return true;
}

EXPORT int scandir(const char *path, struct dirent ***ret_entries, filter_fn *filter, compare_fn *compare)
{
	int count;

	if (scan_simulated(path, filter, compare, ret_entries, &count))
		return count;
	return REAL(scandir)(path, ret_entries, filter, compare);
}

EXPORT int scandir64(const char *path, struct dirent64 ***ret_entries, int (*filter)(const struct dirent64 *),
		     int (*compare)(const struct dirent64 **, const struct dirent64 **))
{
	int count;

	if (scan_simulated(path, (filter_fn *)filter, (compare_fn *)compare, (struct dirent ***)ret_entries, &count))
		return count;
	return REAL(scandir64)(path, ret_entries, filter, compare);
}

/* ---- descriptors ---- */

static void put_file(void *file)
{
	hf_file_put(file);
}

static ssize_t read_file(struct hf_file *file, int fd, void *buffer, size_t count)
{
	ssize_t rc;

	pthread_cleanup_push(put_file, file);
	rc = hf_file_read(file, buffer, count, REAL(fcntl)(fd, F_GETFL) & O_NONBLOCK);
	pthread_cleanup_pop(1);
	return set_errno(rc);
}

static ssize_t write_file(struct hf_file *file, const void *buffer, size_t count)
{
	ssize_t rc;

	pthread_cleanup_push(put_file, file);
	rc = hf_file_write(file, buffer, count);
	pthread_cleanup_pop(1);
	return set_errno(rc);
}

EXPORT ssize_t read(int fd, void *buffer, size_t count)
{
	struct hf_file *file = hf_fd_get(fd);

	return file ? read_file(file, fd, buffer, count) : REAL(read)(fd, buffer, count);
}

EXPORT ssize_t __read_chk(int fd, void *buffer, size_t count, size_t size)
{
	struct hf_file *file = count <= size ? hf_fd_get(fd) : NULL;

	return file ? read_file(file, fd, buffer, count) : REAL(__read_chk)(fd, buffer, count, size);
}

EXPORT ssize_t write(int fd, const void *buffer, size_t count)
{
	struct hf_file *file = hf_fd_get(fd);

	return file ? write_file(file, buffer, count) : REAL(write)(fd, buffer, count);
}

/* The one argument that may follow; where none does, what is read here goes nowhere. */
#define GET_ARGUMENT(last) \
	({ \
		va_list args_; \
		va_start(args_, last); \
		void *argument_ = va_arg(args_, void *); \
		va_end(args_); \
		argument_; \
	})

EXPORT int ioctl(int fd, unsigned long request, ...)
{
	void *argument = GET_ARGUMENT(request);
	struct hf_file *file = hf_fd_get(fd);
	int rc;

	if (!file)
		return REAL(ioctl)(fd, request, argument);
	rc = hf_file_ioctl(file, request, argument);
	hf_file_put(file);
	return (int)set_errno(rc);
}

EXPORT int close(int fd)
{
	struct hf_file *file = hf_fd_take(fd);
	int rc = REAL(close)(fd);

	if (file)
		hf_file_put(file);
	return rc;
}

static void forget_range(unsigned int first, unsigned int last)
{
	for (unsigned int fd = first; fd <= last && fd < (unsigned int)hf_fd_limit(); fd++) {
		struct hf_file *file = hf_fd_take((int)fd);

		if (file)
			hf_file_put(file);
	}
}

EXPORT int close_range(unsigned int first, unsigned int last, int flags)
{
	if (!(flags & (int)CLOSE_RANGE_CLOEXEC))
		forget_range(first, last);
	return REAL(close_range)(first, last, flags);
}

EXPORT void closefrom(int first)
{
	forget_range(first < 0 ? 0 : (unsigned int)first, UINT_MAX);
	REAL(closefrom)(first);
}

/* @new_fd has become a duplicate of @old_fd, or is an error. */
static int follow_duplicate(int old_fd, int new_fd)
{
	struct hf_file *file;

	if (new_fd < 0 || new_fd == old_fd)
		return new_fd;
	file = hf_fd_take(new_fd);
	if (file)
		hf_file_put(file);
	file = hf_fd_get(old_fd);
	if (file && hf_fd_install(new_fd, file) < 0) {
		hf_file_put(file);
		close(new_fd);
		return (int)set_errno(-EMFILE);
	}
	return new_fd;
}

EXPORT int dup(int fd)
{
	return follow_duplicate(fd, REAL(dup)(fd));
}

EXPORT int dup2(int old_fd, int new_fd)
{
	return follow_duplicate(old_fd, REAL(dup2)(old_fd, new_fd));
}

EXPORT int dup3(int old_fd, int new_fd, int flags)
{
	return follow_duplicate(old_fd, REAL(dup3)(old_fd, new_fd, flags));
}

static bool is_duplicating(int command)
{
	return command == F_DUPFD || command == F_DUPFD_CLOEXEC;
}

EXPORT int fcntl(int fd, int command, ...)
{
	void *argument = GET_ARGUMENT(command);
	int rc = REAL(fcntl)(fd, command, argument);

	return is_duplicating(command) ? follow_duplicate(fd, rc) : rc;
}

EXPORT int fcntl64(int fd, int command, ...)
{
	void *argument = GET_ARGUMENT(command);
	int rc = REAL(fcntl64)(fd, command, argument);

	return is_duplicating(command) ? follow_duplicate(fd, rc) : rc;
}
