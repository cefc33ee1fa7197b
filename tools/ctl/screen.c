#include "screen.h"

#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/text.h"
#include "output.h"
#include "table.h"

/* The alternate screen, without a cursor; and back. */
#define SCREEN_ENTER "\033[?1049h\033[?25l"
#define SCREEN_LEAVE "\033[?25h\033[?1049l"
#define INTERVAL_MIN_US 100000

static volatile sig_atomic_t stopped;

static void on_stop(int number)
{
	stopped = 1;
}

/* It only has to end the wait: the size is asked for at each drawing. */
static void on_resize(int number)
{
}

/* The terminal as it was, and which signals come only while nothing else is done. */
struct terminal {
	struct termios before;
	bool is_raw;
	bool listens; /* keys come by stdin */
	sigset_t waiting; /* the mask of the wait */
};

static void catch_signals(struct terminal *t)
{
	static const int ends[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT};
	struct sigaction stop = {.sa_handler = on_stop}, resize = {.sa_handler = on_resize};
	sigset_t mine;
	sigemptyset(&mine);
	for (size_t i = 0; i < OUTPUT_COUNT(ends); i++) {
		sigaction(ends[i], &stop, NULL);
		sigaddset(&mine, ends[i]);
	}
	sigaction(SIGWINCH, &resize, NULL);
	sigaddset(&mine, SIGWINCH);
	sigprocmask(SIG_BLOCK, &mine, &t->waiting);
}

static void terminal_enter(struct terminal *t)
{
	*t = (struct terminal){.listens = isatty(STDIN_FILENO)};
	catch_signals(t);
	if (t->listens && tcgetattr(STDIN_FILENO, &t->before) == 0) {
		struct termios raw = t->before;
		raw.c_lflag &= ~(tcflag_t)(ICANON | ECHO);
		t->is_raw = tcsetattr(STDIN_FILENO, TCSANOW, &raw) == 0;
	}
	fputs(SCREEN_ENTER, stdout);
}

static void terminal_leave(struct terminal *t)
{
	fputs(SCREEN_LEAVE, stdout);
	fflush(stdout);
	if (t->is_raw) {
		tcsetattr(STDIN_FILENO, TCSANOW, &t->before);
	}
}

static void take_keys(struct terminal *t)
{
	char keys[32];
	ssize_t n = read(STDIN_FILENO, keys, sizeof(keys));
	t->listens = n > 0;
	for (ssize_t i = 0; i < n; i++) {
		stopped = stopped || keys[i] == 'q' || keys[i] == 'Q';
	}
}

/* Until the time of the next look (true), or until the screen has to be drawn or left (false). */
static bool terminal_wait(struct terminal *t, uint64_t until_us)
{
	uint64_t now = clock_mono_us(&clock_system);
	if (now >= until_us) {
		return true;
	}
	struct timespec left = {.tv_sec = (time_t)((until_us - now) / 1000000),
		.tv_nsec = (long)((until_us - now) % 1000000) * 1000};
	struct pollfd in = {.fd = STDIN_FILENO, .events = POLLIN};
	int n = ppoll(&in, t->listens ? 1 : 0, &left, &t->waiting);
	if (n > 0) {
		take_keys(t);
	}
	return n == 0;
}

static size_t count_lines(const char *text)
{
	size_t n = 0;
	for (; *text != '\0'; text++) {
		n += *text == '\n';
	}
	return n;
}

/* The whole screen is one write, each line cleared behind its text: nothing flickers. */
static void draw(const char *head, const char *body)
{
	struct buf out = {0}, fitted = {0};
	unsigned rows = output_height(), width = output_width();
	size_t columns = width > 0 ? width : SIZE_MAX;
	text_fit(head, columns, &fitted);
	buf_printf(&out, "\033[H%s\033[K\n\033[K\n", buf_text(&fitted));
	/* A line more would scroll the head away. */
	size_t room = rows > 3 ? rows - 3 : SIZE_MAX, lines = count_lines(body);
	for (size_t shown = lines > room ? room - 1 : lines; shown > 0; shown--) {
		size_t line = strcspn(body, "\n");
		char *text = mem_strndup(body, line);
		text_fit(text, columns, &out);
		free(text);
		buf_put_str(&out, "\033[K\n");
		body += line + 1;
	}
	if (lines > room) {
		buf_printf(&out, "and %zu more\033[K\n", lines - room + 1);
	}
	buf_put_str(&out, "\033[J");
	fputs(buf_text(&out), stdout);
	fflush(stdout);
	buf_finish(&fitted);
	buf_finish(&out);
}

static void draw_found(const struct screen *s, const json_t *found)
{
	struct buf head = {0}, body = {0};
	char now[16];
	time_t t = time(NULL);
	if (found == NULL) {
		draw("soukd does not answer; trying again   q quits", "");
		return;
	}
	strftime(now, sizeof(now), "%H:%M:%S", localtime(&t));
	buf_printf(&head, "%s   ", now);
	s->describe(found, &head, &body);
	buf_put_str(&head, "   q quits");
	draw(buf_text(&head), buf_text(&body));
	buf_finish(&head);
	buf_finish(&body);
}

bool screen_interval(struct ctl *c, uint64_t *interval_us)
{
	const char *text = args_get(&c->args, "interval");
	if (text_duration_us(text != NULL ? text : "1s", interval_us) &&
		*interval_us >= INTERVAL_MIN_US) {
		return true;
	}
	ctl_error("--interval must be a duration from 100ms");
	return false;
}

void screen_run(struct ctl *c, const struct screen *s, json_t *found, uint64_t interval_us)
{
	struct terminal terminal;
	terminal_enter(&terminal);
	c->quiet = true;
	uint64_t next_us = clock_mono_us(&clock_system) + interval_us;
	while (!stopped) {
		draw_found(s, found);
		if (terminal_wait(&terminal, next_us) && !stopped) {
			json_decref(found);
			if (s->fetch(c, &found) != CTL_OK) {
				found = NULL;
			}
			next_us = clock_mono_us(&clock_system) + interval_us;
		}
	}
	json_decref(found);
	terminal_leave(&terminal);
}
