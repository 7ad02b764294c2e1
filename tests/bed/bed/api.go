package main

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"net/http"
	"os"
	"time"
)

// apiClient speaks to the bed's API server as the driver, whom the audit log leaves out.
type apiClient struct {
	server string
	http   http.Client
}

// api returns a client of a configured bed.
func (bed bedDir) api() (*apiClient, error) {
	env, err := bed.readEnv()
	if err != nil {
		return nil, fmt.Errorf("the bed is down (%w): start it with tests/bed/up", err)
	}
	ca, err := os.ReadFile(bed.path("ca.crt"))
	if err != nil {
		return nil, err
	}
	pair, err := tls.LoadX509KeyPair(bed.path("pki/driver.crt"), bed.path("pki/driver.key"))
	if err != nil {
		return nil, err
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(ca)
	return &apiClient{env["BED_SERVER"], http.Client{
		Timeout:   10 * time.Second,
		Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots, Certificates: []tls.Certificate{pair}}},
	}}, nil
}

// get returns only the status code, 0 if there was no answer.
func (api *apiClient) get(path string) int {
	code, _, _ := api.do(http.MethodGet, path, "")
	return code
}

// do makes one request with a body of JSON, if any.
func (api *apiClient) do(method, path, body string) (code int, answer []byte, err error) {
	request, err := http.NewRequest(method, api.server+path, bytes.NewReader([]byte(body)))
	if err != nil {
		return 0, nil, err
	}
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("User-Agent", driverUser)
	response, err := api.http.Do(request)
	if err != nil {
		return 0, nil, err
	}
	defer response.Body.Close()
	answer, err = io.ReadAll(response.Body)
	return response.StatusCode, answer, err
}
