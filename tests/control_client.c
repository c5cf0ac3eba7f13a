/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/*
 * Talks to the control socket of holdfastd, well or badly:
 *	control_client SOCKET ask LINE ...	sends each line and prints its answer; 1 if one does not come
 *	control_client SOCKET raw TEXT		sends the text as it is and prints what comes until the end
 *	control_client SOCKET last TEXT		the same, but says first that nothing more will come
 *	control_client SOCKET flood BYTES	sends so many bytes without a newline; 0 if it is cut off
 *	control_client SOCKET deaf		asks and never reads; 0 if it is cut off
 *	control_client SOCKET hold COUNT	keeps so many connections, prints "held" and ends with its input
 */
#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define ANSWER_TIMEOUT_S 10
#define DEAF_TIMEOUT_S 60

static int open_client(const char *path)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	const struct timeval timeout = { .tv_sec = ANSWER_TIMEOUT_S };
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
	if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof(address))) {
		perror(path);
		exit(EXIT_FAILURE);
	}
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof(timeout));
	return fd;
}

/* Return: whether a whole line came. */
static int print_line(int fd)
{
	char c;

	while (read(fd, &c, 1) == 1) {
		putchar(c);
		if (c == '\n')
			return 1;
	}
	return 0;
}

static int ask(int fd, int count, char **lines)
{
	for (int i = 0; i < count; i++) {
		dprintf(fd, "%s\n", lines[i]);
		if (!print_line(fd))
			return EXIT_FAILURE;
	}
	return EXIT_SUCCESS;
}

static int send_raw(int fd, const char *text, bool is_last)
{
	if (send(fd, text, strlen(text), MSG_NOSIGNAL) < 0)
		return EXIT_FAILURE;
	if (is_last)
		shutdown(fd, SHUT_WR);
	while (print_line(fd))
		;
	return EXIT_SUCCESS;
}

static int flood(int fd, long bytes)
{
	const char x = 'x';

	while (bytes-- > 0)
		if (send(fd, &x, 1, MSG_NOSIGNAL) < 0)
			return errno == EPIPE || errno == ECONNRESET ? EXIT_SUCCESS : EXIT_FAILURE;
	while (print_line(fd))
		;
	return send(fd, &x, 1, MSG_NOSIGNAL) < 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

static int never_read(int fd)
{
	static const char request[] = "{\"get\": \"status\"}\n";
	struct pollfd poll_fd = { .fd = fd, .events = POLLOUT };

	while (poll(&poll_fd, 1, DEAF_TIMEOUT_S * 1000) > 0) {
		if (poll_fd.revents & (POLLHUP | POLLERR))
			return EXIT_SUCCESS;
		if (send(fd, request, sizeof(request) - 1, MSG_NOSIGNAL | MSG_DONTWAIT) >= 0)
			continue;
		if (errno != EAGAIN)
			return EXIT_SUCCESS;
		poll_fd.events = 0;	/* all is full: now only wait for the end */
	}
	return EXIT_FAILURE;
}

static int hold(const char *path, int count)
{
	for (int i = 0; i < count; i++)
		open_client(path);
	puts("held");
	fflush(stdout);
	while (getchar() != EOF)
		;
	return EXIT_SUCCESS;
}

int main(int argc, char *argv[])
{
	if (argc >= 3 && !strcmp(argv[2], "ask"))
		return ask(open_client(argv[1]), argc - 3, argv + 3);
	if (argc == 3 && !strcmp(argv[2], "deaf"))
		return never_read(open_client(argv[1]));
	if (argc != 4)
		return 2;
	if (!strcmp(argv[2], "raw"))
		return send_raw(open_client(argv[1]), argv[3], false);
	if (!strcmp(argv[2], "last"))
		return send_raw(open_client(argv[1]), argv[3], true);
	if (!strcmp(argv[2], "flood"))
		return flood(open_client(argv[1]), atol(argv[3]));
	if (!strcmp(argv[2], "hold"))
		return hold(argv[1], atoi(argv[3]));
	return 2;
}
