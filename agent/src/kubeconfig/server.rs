//! The server's URL, checked part by part: a part that a connection would ignore is an error.

use super::error::Problem;

/// Returns the URL in the form that connections use: `https` in lower case, a host, perhaps a port and a path.
pub(super) fn server_url(text: &str) -> Result<String, Problem> {
    let server = || text.to_owned();
    let (scheme, rest) = text.split_once("://").ok_or_else(|| Problem::BadServer { server: server() })?;
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    // Go's client would send them as a password; and they would stay in each copy of the URL.
    if authority.contains('@') {
        return Err(Problem::Unsupported { field: "a user name or password in server" });
    }
    if !scheme.eq_ignore_ascii_case("https") {
        return Err(Problem::NotHttps { server: server() });
    }
    for (mark, field) in [('#', "a fragment (#…) in server"), ('?', "a query (?…) in server")] {
        if rest.contains(mark) {
            return Err(Problem::Unsupported { field });
        }
    }
    // The colons of an IPv6 address are inside brackets.
    let after_address = authority.rsplit_once(']').map_or(authority, |(_, rest)| rest);
    let port = after_address.split_once(':').map(|(_, port)| port).filter(|port| !port.is_empty());
    if let Some(port) = port
        && !(port.bytes().all(|byte| byte.is_ascii_digit()) && port.parse::<u16>().is_ok_and(|port| port > 0))
    {
        return Err(Problem::BadPort { port: port.to_owned() });
    }
    let url = format!("https://{rest}");
    match url.parse::<http::Uri>() {
        Ok(uri) if uri.host().is_some_and(|host| !host.is_empty()) => Ok(url),
        Ok(_) | Err(_) => Err(Problem::BadServer { server: server() }),
    }
}
