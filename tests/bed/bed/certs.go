package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"time"
)

// authority signs the certificates of one bed.
type authority struct {
	bed  bedDir
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

// identity is whom a client certificate speaks for.
type identity struct {
	name  string
	group string
}

const masters = "system:masters" // the group that may do everything

// newAuthority makes the bed's own certificate authority and writes its certificate to ca.crt.
func newAuthority(bed bedDir) (*authority, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	template := certTemplate("zadig-doctor-bed")
	template.IsCA, template.BasicConstraintsValid = true, true
	template.KeyUsage |= x509.KeyUsageCertSign
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return nil, err
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, err
	}
	return &authority{bed, cert, key}, bed.write("ca.crt", pemText("CERTIFICATE", der))
}

// issueServer writes the API server's pair to apiserver.crt and apiserver.key; the tests' proxy serves with it too.
func (ca *authority) issueServer() error {
	template := certTemplate("kube-apiserver")
	template.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}
	template.DNSNames = []string{"localhost", "kubernetes", "kubernetes.default", "kubernetes.default.svc"}
	template.IPAddresses = []net.IP{net.IPv4(127, 0, 0, 1), net.IPv6loopback, net.IPv4(10, 0, 0, 1)}
	return ca.issue("apiserver", template)
}

// issueClient writes a pair to pki/NAME.crt and pki/NAME.key.
func (ca *authority) issueClient(file string, who identity) error {
	template := certTemplate(who.name)
	template.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}
	if who.group != "" {
		template.Subject.Organization = []string{who.group}
	}
	return ca.issue("pki/"+file, template)
}

func (ca *authority) issue(file string, template *x509.Certificate) error {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	der, err := x509.CreateCertificate(rand.Reader, template, ca.cert, key.Public(), ca.key)
	if err != nil {
		return err
	}
	if err := ca.bed.write(file+".crt", pemText("CERTIFICATE", der)); err != nil {
		return err
	}
	der, err = x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return err
	}
	return ca.bed.write(file+".key", pemText("PRIVATE KEY", der))
}

func certTemplate(name string) *x509.Certificate {
	serial := make([]byte, 16)
	rand.Read(serial) // never fails, as its documentation promises
	now := time.Now()
	return &x509.Certificate{
		SerialNumber: new(big.Int).SetBytes(serial),
		Subject:      pkix.Name{CommonName: name},
		NotBefore:    now.Add(-time.Hour),
		NotAfter:     now.AddDate(1, 0, 0),
		KeyUsage:     x509.KeyUsageDigitalSignature,
	}
}

func pemText(kind string, der []byte) string {
	return string(pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}))
}
