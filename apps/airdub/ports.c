/* airdub/ports.c: asks the kernel by binding, and /proc for the owner's name. */
#include "airdub/ports.h"

#include "base/error.h"

#include <gio/gio.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define TCP_LISTEN 0x0A /* the kernel's number for the state, include/net/tcp_states.h */

static GSocket *bind_to(guint port, GError **error)
{
    g_autoptr(GSocket) socket = g_socket_new(G_SOCKET_FAMILY_IPV4, G_SOCKET_TYPE_STREAM, G_SOCKET_PROTOCOL_TCP, error);
    g_autoptr(GInetAddress) any = g_inet_address_new_any(G_SOCKET_FAMILY_IPV4);
    g_autoptr(GSocketAddress) address = g_inet_socket_address_new(any, (guint16) port);
    if (!socket || !g_socket_bind(socket, address, TRUE, error) || !g_socket_listen(socket, error))
        return NULL;
    return g_steal_pointer(&socket);
}

bool ports_is_free(guint port)
{
    g_autoptr(GSocket) socket = bind_to(port, NULL);
    return socket != NULL;
}

guint ports_pick(GError **error)
{
    g_autoptr(GError) problem = NULL;
    g_autoptr(GSocket) socket = bind_to(0, &problem);
    g_autoptr(GSocketAddress) address = socket ? g_socket_get_local_address(socket, &problem) : NULL;
    if (!address) {
        g_set_error(error, DUB_ERROR, DUB_ERROR_NETWORK, "no free port: %s", problem->message);
        return 0;
    }
    return g_inet_socket_address_get_port(G_INET_SOCKET_ADDRESS(address));
}

/* The socket's inode from a line of /proc/net/tcp: "sl local:port remote:port state … inode"; 0 if it is another's. */
static unsigned long inode_from_line(const char *line, guint port)
{
    unsigned local_port, state;
    unsigned long inode;
    if (sscanf(line, "%*d: %*[0-9A-Fa-f]:%x %*[0-9A-Fa-f]:%*x %x %*s %*s %*s %*s %*s %lu", &local_port, &state,
               &inode) != 3)
        return 0;
    return local_port == port && state == TCP_LISTEN ? inode : 0;
}

static unsigned long find_inode(const char *table, guint port)
{
    g_autofree char *text = NULL;
    if (!g_file_get_contents(table, &text, NULL, NULL))
        return 0;
    g_auto(GStrv) lines = g_strsplit(text, "\n", -1);
    for (char **line = lines; *line; line++) {
        const unsigned long inode = inode_from_line(*line, port);
        if (inode)
            return inode;
    }
    return 0;
}

static bool has_socket(const char *pid, const char *wanted)
{
    g_autofree char *path = g_strdup_printf("/proc/%s/fd", pid);
    g_autoptr(GDir) folder = g_dir_open(path, 0, NULL);
    for (const char *fd; folder && (fd = g_dir_read_name(folder));) {
        g_autofree char *link = g_build_filename(path, fd, NULL);
        char target[64] = "";
        if (readlink(link, target, sizeof target - 1) > 0 && strcmp(target, wanted) == 0)
            return true;
    }
    return false;
}

static char *describe(const char *pid)
{
    g_autofree char *path = g_strdup_printf("/proc/%s/comm", pid);
    g_autofree char *name = NULL;
    if (!g_file_get_contents(path, &name, NULL, NULL))
        return g_strdup_printf("process %s", pid);
    return g_strdup_printf("%s (process %s)", g_strchomp(name), pid);
}

static char *find_process(unsigned long inode)
{
    g_autofree char *wanted = g_strdup_printf("socket:[%lu]", inode);
    g_autoptr(GDir) processes = g_dir_open("/proc", 0, NULL);
    for (const char *pid; processes && (pid = g_dir_read_name(processes));) {
        if (g_ascii_isdigit(*pid) && has_socket(pid, wanted))
            return describe(pid);
    }
    return NULL;
}

char *ports_owner(guint port)
{
    unsigned long inode = find_inode("/proc/net/tcp", port);
    if (!inode)
        inode = find_inode("/proc/net/tcp6", port);
    char *process = inode ? find_process(inode) : NULL;
    return process ? process : g_strdup("another program");
}

bool ports_require_free(guint port, const char *option, GError **error)
{
    if (port == 0 || ports_is_free(port))
        return true;
    g_autofree char *owner = ports_owner(port);
    g_set_error(error, DUB_ERROR, DUB_ERROR_BUSY, "port %u is in use by %s; choose another with %s", port, owner,
                option);
    return false;
}
