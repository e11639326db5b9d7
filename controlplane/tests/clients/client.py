"""Python's kubernetes client creates, approves, watches and fetches a certificate, and holds a Lease."""

import base64
import subprocess

from kubernetes import client, config, watch

config.load_kube_config()
api = client.CertificatesV1Api()


def pem(*command):
    return subprocess.run(command, check=True, capture_output=True).stdout


key = pem("openssl", "genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256")
request = subprocess.run(
    ["openssl", "req", "-new", "-key", "/dev/stdin", "-subj", "/O=readers/CN=py"],
    input=key, check=True, capture_output=True,
).stdout

body = client.V1CertificateSigningRequest(
    metadata=client.V1ObjectMeta(generate_name="py-", labels={"by": "python"}),
    spec=client.V1CertificateSigningRequestSpec(
        request=base64.b64encode(request).decode(),
        signer_name="kubernetes.io/kube-apiserver-client",
        usages=["client auth"],
    ),
)
created = api.create_certificate_signing_request(body)
name = created.metadata.name
assert name.startswith("py-") and len(name) == 8, name
assert created.spec.username == "certrotate-admin", created.spec.username

created.status.conditions = [
    client.V1CertificateSigningRequestCondition(type="Approved", status="True", reason="ByPython", message="for the test")
]
api.replace_certificate_signing_request_approval(name, created)

events = watch.Watch()
for event in events.stream(
    api.list_certificate_signing_request, field_selector=f"metadata.name={name}",
    resource_version=created.metadata.resource_version, timeout_seconds=30,
):
    if event["object"].status.certificate:
        events.stop()
        break
else:
    raise SystemExit("no certificate came over the watch")

fetched = api.read_certificate_signing_request(name)
certificate = base64.b64decode(fetched.status.certificate)
subject = subprocess.run(
    ["openssl", "x509", "-noout", "-subject"], input=certificate, check=True, capture_output=True
).stdout.decode()
assert "CN = py" in subject, subject
assert [item.metadata.name for item in api.list_certificate_signing_request(label_selector="by=python").items] == [name]

# What was changed in between is not overwritten.
stale = created
stale.metadata.labels = {"by": "nobody"}
try:
    api.replace_certificate_signing_request(name, stale)
    raise SystemExit("a stale update was taken")
except client.ApiException as error:
    assert (error.status, error.reason) == (409, "Conflict"), error
patched = api.patch_certificate_signing_request(name, {"metadata": {"labels": {"more": "yes"}}})
assert patched.metadata.labels == {"by": "python", "more": "yes"}, patched.metadata.labels
try:
    api.read_certificate_signing_request("nobody")
    raise SystemExit("nobody was found")
except client.ApiException as error:
    assert error.status == 404, error

leases = client.CoordinationV1Api()
lease = leases.create_namespaced_lease("kube-system", client.V1Lease(
    metadata=client.V1ObjectMeta(name="py"),
    spec=client.V1LeaseSpec(holder_identity="py", lease_duration_seconds=15),
))
lease.spec.holder_identity = "other"
assert leases.replace_namespaced_lease("py", "kube-system", lease).spec.holder_identity == "other"
leases.delete_namespaced_lease("py", "kube-system")
api.delete_certificate_signing_request(name)
print(f"clients: Python made, watched and fetched {name}: {subject.strip()}")
