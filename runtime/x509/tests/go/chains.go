// Makes chains.txt: chains of certificates, and what Go's crypto/x509 says of each, as kube-apiserver asks it.
//
//	go run chains.go > chains.txt
//
// The keys are made anew in each run.
package main

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"net/url"
	"os"
	"time"
)

type (
	cert   = *x509.Certificate
	change func(cert)
	ca     struct {
		cert cert
		key  crypto.Signer
	}
)

var (
	now    = time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)
	serial = int64(1)
	leaf   = ec(elliptic.P256())
)

func check[T any](value T, err error) T {
	if err != nil {
		panic(err)
	}
	return value
}

func ec(curve elliptic.Curve) crypto.Signer { return check(ecdsa.GenerateKey(curve, rand.Reader)) }
func rsaKey(bits int) crypto.Signer         { return check(rsa.GenerateKey(rand.Reader, bits)) }
func days(count int) time.Time              { return now.AddDate(0, 0, count) }

func template(name string) cert {
	serial++
	return &x509.Certificate{SerialNumber: big.NewInt(serial), Subject: pkix.Name{CommonName: name}, NotBefore: days(-1), NotAfter: days(365)}
}

func sign(it cert, by ca, key crypto.PublicKey) cert {
	return check(x509.ParseCertificate(check(x509.CreateCertificate(rand.Reader, it, by.cert, key, by.key))))
}

func authority(name string, by *ca, key crypto.Signer, changes ...change) ca {
	it := template(name)
	it.IsCA, it.BasicConstraintsValid, it.KeyUsage, it.MaxPathLen = true, true, x509.KeyUsageCertSign, -1
	for _, change := range changes {
		change(it)
	}
	if by == nil {
		by = &ca{it, key}
	}
	return ca{sign(it, *by, key.Public()), key}
}

func root(changes ...change) ca { return authority("root", nil, ec(elliptic.P256()), changes...) }
func below(by ca, name string, changes ...change) ca {
	return authority(name, &by, ec(elliptic.P256()), changes...)
}

func node(by ca, changes ...change) cert {
	it := template("system:node:node-1")
	it.Subject.Organization = []string{"system:nodes"}
	it.NotBefore, it.NotAfter = now.Add(-5*time.Minute), days(30)
	it.KeyUsage, it.ExtKeyUsage = x509.KeyUsageDigitalSignature, []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}
	for _, change := range changes {
		change(it)
	}
	return sign(it, by, leaf.Public())
}

func show(name, reason string, roots []ca, chain ...cert) {
	options := x509.VerifyOptions{Roots: x509.NewCertPool(), Intermediates: x509.NewCertPool(), CurrentTime: now, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}}
	for _, root := range roots {
		options.Roots.AddCert(root.cert)
	}
	for _, it := range chain[1:] {
		options.Intermediates.AddCert(it)
	}
	_, err := chain[0].Verify(options)
	verdict := "accepted"
	if err != nil {
		verdict = "refused"
		fmt.Fprintf(os.Stderr, "%s: %v\n", name, err)
	}
	fmt.Printf("## %s\n# go: %s\n# reason: %s\n# roots\n", name, verdict, reason)
	for _, root := range roots {
		print(root.cert)
	}
	fmt.Print("# chain\n")
	for _, it := range chain {
		print(it)
	}
}

func print(it cert) {
	fmt.Print(string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: it.Raw})))
}

func one(name, reason string, by ca, changes ...change) { show(name, reason, []ca{by}, node(by, changes...)) }

func dates(from, to int) change {
	return func(it cert) { it.NotBefore, it.NotAfter = days(from), days(to) }
}
func algorithm(of x509.SignatureAlgorithm) change {
	return func(it cert) { it.SignatureAlgorithm = of }
}
func extension(critical bool, value []byte, id ...int) change {
	return func(it cert) {
		it.ExtraExtensions = append(it.ExtraExtensions, pkix.Extension{Id: id, Critical: critical, Value: value})
	}
}
func permitDNS(critical bool, names ...string) change {
	return func(it cert) { it.PermittedDNSDomains, it.PermittedDNSDomainsCritical = names, critical }
}
func dns(names ...string) change { return func(it cert) { it.DNSNames = names } }
func length(most int) change {
	return func(it cert) { it.MaxPathLen, it.MaxPathLenZero = most, most == 0 }
}
func usage(usages ...x509.ExtKeyUsage) change { return func(it cert) { it.ExtKeyUsage = usages } }

// Permits the directory names below O=system:nodes.
func directory(critical bool) change {
	name := check(asn1.Marshal(pkix.Name{Organization: []string{"system:nodes"}}.ToRDNSequence()))
	wrap := func(tag byte, content []byte) []byte { return append([]byte{tag, byte(len(content))}, content...) }
	return extension(critical, wrap(0x30, wrap(0xa0, wrap(0x30, wrap(0xa4, name)))), 2, 5, 29, 30)
}

func algorithms() {
	curves := map[string]elliptic.Curve{"P-256": elliptic.P256(), "P-384": elliptic.P384(), "P-521": elliptic.P521()}
	for _, name := range []string{"P-256", "P-384", "P-521"} {
		for _, of := range []x509.SignatureAlgorithm{x509.ECDSAWithSHA256, x509.ECDSAWithSHA384, x509.ECDSAWithSHA512} {
			by := authority("root", nil, ec(curves[name]))
			one(fmt.Sprintf("CA on %s, %s", name, of), "", by, algorithm(of))
		}
	}
	by := authority("root", nil, rsaKey(2048))
	for _, of := range []x509.SignatureAlgorithm{x509.SHA256WithRSA, x509.SHA384WithRSA, x509.SHA512WithRSA, x509.SHA256WithRSAPSS, x509.SHA384WithRSAPSS, x509.SHA512WithRSAPSS} {
		one(fmt.Sprintf("CA of RSA 2048, %s", of), "", by, algorithm(of))
	}
	one("CA of RSA 2048 with SHA-1", "WeakSignature", by, algorithm(x509.SHA1WithRSA))
	one("CA on P-256 with SHA-1", "WeakSignature", root(), algorithm(x509.ECDSAWithSHA1))
	for _, bits := range []int{3072, 4096, 8192} {
		one(fmt.Sprintf("CA of RSA %d", bits), "", authority("root", nil, rsaKey(bits)))
	}
	_, edKey, _ := ed25519.GenerateKey(rand.Reader)
	one("CA of Ed25519", "", authority("root", nil, edKey))
	weak := authority("weak", &by, ec(elliptic.P256()), algorithm(x509.SHA1WithRSA))
	show("intermediate signed with SHA-1", "WeakSignature", []ca{by}, node(weak), weak.cert)
	show("root signed with SHA-1", "", []ca{authority("root", nil, by.key, algorithm(x509.SHA1WithRSA))}, node(by))
}

func constraints() {
	for _, critical := range []bool{true, false} {
		name := map[bool]string{true: "critical", false: "non-critical"}[critical]
		by := root(permitDNS(critical, "example.com"))
		one(name+" DNS constraint, no names", "", by)
		one(name+" DNS constraint, name inside", "", by, dns("node.Example.com"))
		one(name+" DNS constraint, the base itself", "", by, dns("example.com"))
		one(name+" DNS constraint, name outside", "NameConstraints", by, dns("example.org"))
		one(name+" DNS constraint, name that only ends alike", "NameConstraints", by, dns("badexample.com"))
		one(name+" DNS constraint, an address", "", by, func(it cert) { it.IPAddresses = []net.IP{net.IPv4(10, 0, 0, 1)} })
		reason := map[bool]string{true: "CriticalExtension", false: ""}[critical]
		one(name+" constraint on directory names", reason, root(directory(critical)))
		top := root()
		middle := below(top, "middle", directory(critical))
		show(name+" constraint on directory names in an intermediate", reason, []ca{top}, node(middle), middle.cert)
	}
	one("DNS constraint with a dot, the base itself", "NameConstraints", root(permitDNS(true, ".example.com")), dns("example.com"))
	one("DNS constraint with a dot, below it", "", root(permitDNS(true, ".example.com")), dns("a.example.com"))
	excluded := root(func(it cert) { it.ExcludedDNSDomains = []string{"example.com"} })
	one("excluded DNS name", "NameConstraints", excluded, dns("a.example.com"))
	one("DNS name that is not excluded", "", excluded, dns("a.example.org"))
	_, subnet, _ := net.ParseCIDR("10.0.0.0/8")
	net10 := root(func(it cert) { it.PermittedIPRanges = []*net.IPNet{subnet} })
	one("address inside", "", net10, func(it cert) { it.IPAddresses = []net.IP{net.IPv4(10, 1, 2, 3)} })
	one("address outside", "NameConstraints", net10, func(it cert) { it.IPAddresses = []net.IP{net.IPv4(11, 1, 2, 3)} })
	one("address of the other family", "NameConstraints", net10, func(it cert) { it.IPAddresses = []net.IP{net.IPv6loopback} })
	mail := root(func(it cert) { it.PermittedEmailAddresses = []string{"example.com", "one@example.org"} })
	one("e-mail inside", "", mail, func(it cert) { it.EmailAddresses = []string{"a@example.com"} })
	one("the one mailbox", "", mail, func(it cert) { it.EmailAddresses = []string{"one@example.org"} })
	one("another mailbox", "NameConstraints", mail, func(it cert) { it.EmailAddresses = []string{"two@example.org"} })
	uris := root(func(it cert) { it.PermittedURIDomains = []string{"example.com"} })
	one("URI inside", "", uris, func(it cert) { it.URIs = []*url.URL{check(url.Parse("spiffe://example.com/node"))} })
	one("URI outside", "NameConstraints", uris, func(it cert) { it.URIs = []*url.URL{check(url.Parse("spiffe://example.org/node"))} })
}

func issuers() {
	top := root()
	via := func(name, reason string, changes ...change) {
		middle := below(top, "middle", changes...)
		show(name, reason, []ca{top}, node(middle), middle.cert)
	}
	via("intermediate", "")
	via("intermediate without keyCertSign", "NoCa", func(it cert) { it.KeyUsage = x509.KeyUsageDigitalSignature })
	via("intermediate without key usage", "", func(it cert) { it.KeyUsage = 0 })
	via("intermediate without basic constraints", "NoCa", func(it cert) { it.IsCA, it.BasicConstraintsValid = false, false })
	via("intermediate with CA:FALSE", "NoCa", func(it cert) { it.IsCA = false })
	via("intermediate for servers", "IssuerUsage", usage(x509.ExtKeyUsageServerAuth))
	via("intermediate for clients", "", usage(x509.ExtKeyUsageClientAuth))
	via("intermediate for any usage", "", usage(x509.ExtKeyUsageAny))
	via("intermediate with an unknown critical extension", "CriticalExtension", extension(true, []byte{5, 0}, 1, 2, 3, 4))
	via("intermediate with an unknown extension", "", extension(false, []byte{5, 0}, 1, 2, 3, 4))
	via("intermediate with path length 0", "", length(0))
	via("expired intermediate", "Expired", dates(-100, -10))
	via("intermediate that expired after the leaf began", "Expired", func(it cert) { it.NotAfter = now.Add(-time.Minute) })
	via("intermediate that is not valid yet", "NotYetValid", dates(10, 100))
	one("root with CA:FALSE", "NoCa", root(func(it cert) { it.IsCA = false }))
	one("root without keyCertSign", "NoCa", root(func(it cert) { it.KeyUsage = x509.KeyUsageDigitalSignature }))
	one("root for servers", "IssuerUsage", root(usage(x509.ExtKeyUsageServerAuth)))
	one("root with an unknown critical extension", "CriticalExtension", root(extension(true, []byte{5, 0}, 1, 2, 3, 4)))
	one("expired root", "Expired", root(dates(-100, -10)))
	one("leaf with an unknown critical extension", "CriticalExtension", top, extension(true, []byte{5, 0}, 1, 2, 3, 4))
	one("expired leaf", "Expired", top, dates(-20, -10))
	short := root(length(0))
	middle := below(short, "middle")
	show("root with path length 0 above an intermediate", "PathLength", []ca{short}, node(middle), middle.cert)
}

func paths() {
	top, other := root(), authority("other", nil, ec(elliptic.P256()))
	old := authority("old", nil, ec(elliptic.P256()), dates(-400, -10))
	show("expired root beside the path", "", []ca{top}, node(top), old.cert)
	show("another CA beside the path", "", []ca{top}, node(top), other.cert)
	show("the root beside the path", "", []ca{top}, node(top), top.cert)
	one, two := below(top, "one"), ca{}
	two = below(one, "two")
	three := below(two, "three")
	show("three intermediates in order", "", []ca{top}, node(three), three.cert, two.cert, one.cert)
	show("three intermediates in another order", "", []ca{top}, node(three), one.cert, three.cert, two.cert)
	show("three intermediates, one of them missing", "Untrusted", []ca{top}, node(three), three.cert, one.cert)
	again := authority("one", &top, one.key, dates(-100, -10))
	show("intermediate twice, the expired one first", "", []ca{top}, node(one), again.cert, one.cert)
	show("intermediate twice, the expired one last", "", []ca{top}, node(one), one.cert, again.cert)
	cross := authority("root", &old, top.key, dates(-300, -10))
	show("expired cross-signed root", "", []ca{top}, node(one), one.cert, cross.cert)
	show("expired cross-signed root and the expired root", "", []ca{top, old}, node(one), one.cert, cross.cert)
	show("only the expired root is known", "Expired", []ca{old}, node(one), one.cert, cross.cert)
	second := authority("root", &other, top.key)
	show("cross-signed root, the other root is known", "", []ca{other}, node(one), one.cert, second.cert)
	show("cross-signed root, both are known", "", []ca{other, top}, node(one), one.cert, second.cert)
	twin := root()
	show("root of the same name and another key", "Untrusted", []ca{twin}, node(top))
	show("two roots of one name", "", []ca{twin, top}, node(top))
	renewed := authority("root", nil, top.key, dates(-400, -10))
	show("root renewed with its key", "", []ca{renewed, top}, node(top))
	show("another CA", "Untrusted", []ca{top}, node(other))
	show("another CA that comes along", "Untrusted", []ca{top}, node(other), other.cert)
	show("leaf of another CA, and a decoy of ours", "Untrusted", []ca{top}, node(other), node(top), one.cert)
	mutual := ca{sign(authority("other", nil, other.key).cert, top, other.key.Public()), other.key}
	show("mutually cross-signed roots", "", []ca{top}, node(other), second.cert, mutual.cert)
	show("mutually cross-signed roots, none known", "Untrusted", []ca{twin}, node(other), second.cert, mutual.cert)
	self := node(other)
	show("leaf that is known itself", "", []ca{{self, nil}}, self)
}

func main() {
	algorithms()
	constraints()
	issuers()
	paths()
}
