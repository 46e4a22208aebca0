// Sockets and epoll.
#pragma once
