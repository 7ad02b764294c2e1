package main

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
)

// freePorts chooses ports of 127.0.0.1 on which nothing listens. They lie below those that the kernel gives to outgoing
// connections: one of those could be taken between now and the moment when its process comes to listen on it.
func freePorts(count int) ([]int, error) {
	const low = 10000
	high := 32768
	if text, err := os.ReadFile("/proc/sys/net/ipv4/ip_local_port_range"); err == nil {
		fmt.Sscan(string(text), &high)
	}
	if high < low+1000 {
		high = 65535
	}
	var ports []int
	for range 1000 {
		port := low + rand.IntN(high-low)
		listener, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port))
		if err != nil {
			continue
		}
		defer listener.Close() // only at the end, so that no port is chosen twice
		if ports = append(ports, port); len(ports) == count {
			return ports, nil
		}
	}
	return nil, errors.New("found no free ports on 127.0.0.1: is its network up?")
}
