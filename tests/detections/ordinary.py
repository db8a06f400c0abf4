"""Traffic as every site has it: browsers, crawlers, programs, and what goes wrong every day.

No rule may find any of it. Among it are texts that look like attacks to a careless rule.
"""

import itertools
import random
from collections.abc import Iterator

from .traffic import Seen

_WEBKIT = "AppleWebKit/537.36 (KHTML, like Gecko)"
_SAFARI = "AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.1"
_BROWSERS = (
    f"Mozilla/5.0 (Windows NT 10.0; Win64; x64) {_WEBKIT} Chrome/131.0.0.0 Safari/537.36",
    "Mozilla/5.0 (X11; Linux x86_64; rv:133.0) Gecko/20100101 Firefox/133.0",
    f"Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) {_SAFARI} Safari/605.1.15",
    f"Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) {_SAFARI} Mobile/15E148 Safari/604.1",
    "Mozilla/5.0 (Windows NT 6.1; WOW64; Trident/7.0; rv:11.0) like Gecko",
)
_CRAWLERS = (
    "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)",
    "Mozilla/5.0 (compatible; bingbot/2.0; +http://www.bing.com/bingbot.htm)",
    "Mozilla/5.0 (compatible; AhrefsBot/7.0; +http://ahrefs.com/robot/)",
    "Mozilla/5.0 AppleWebKit/537.36 (KHTML, like Gecko; compatible; GPTBot/1.2)",
    "facebookexternalhit/1.1 (+http://www.facebook.com/externalhit_uatext.php)",
)
_PROGRAMS = (
    "curl/8.5.0",
    "Wget/1.21.4",
    "python-requests/2.32.3",
    "python-httpx/0.27.2",
    "Go-http-client/1.1",
    "okhttp/4.12.0",
    "axios/1.7.7",
    "Apache-HttpClient/5.4 (Java/21.0.5)",
    "PostmanRuntime/7.42.0",
    "aws-sdk-java/2.29.0",
    "Mozilla/5.0 (Windows NT; Windows NT 10.0; en-US) WindowsPowerShell/5.1.19041.5129",
    "kube-probe/1.31",
    "Prometheus/2.53.0",
    "ELB-HealthChecker/2.0",
)
#: What people open.
_PAGES = (
    "GET / 200",
    "GET /index.html 304",
    "GET /shop/shoes?size=42&colour=dark%20blue&sort=-price 200",
    "GET /search?q=don%27t+panic 200",
    "GET /search?q=select+a+union+or+an+order 200",
    "GET /search?q=rock+%26+roll 200",
    "GET /search?q=c%2B%2B+templates+%3C+14 200",
    "GET /blog/2026/01/how-to-sleep-better 200",
    "GET /docs/etc/passwords-and-shadows 200",
    "GET /docs/git/environment 200",
    "GET /wiki/Trace_(linear_algebra) 200",
    "GET /static/app.3f2a1c.js 200",
    "GET /static/fonts/a.woff2 200",
    "GET /images/a%20b%20%281%29.png 200",
    "GET /favicon.ico 404",
    "GET /account 302",
    "GET /account/orders 401",
    "POST /login 302",
    "POST /cart/items?quantity=2 303",
    "GET /go?u=https%3A%2F%2Fshop.example%2Fsale 302",
    "GET /callback?code=abc&state=xyz 302",
    "GET /caf%C3%A9?q=%E2%82%AC100 200",
    "GET /admin-guide 200",
)
#: What crawlers ask for.
_CRAWLED = (
    "GET /robots.txt 200",
    "GET /sitemap.xml 200",
    "GET /old/page-that-moved 301",
    "GET /gone 410",
    "HEAD /shop/shoes 200",
    "GET /.well-known/security.txt 200",
    "GET /feed.xml 304",
)
#: What programs call.
_CALLS = (
    "GET /api/v1/users/42/orders?from=2026-01-01&to=2026-02-01 200",
    'GET /api/v1/items?filter[name]=x&page[size]=50&fields={"a":1} 200',
    "POST /api/v1/orders 201",
    "PUT /api/v1/orders/3f0c 200",
    "PATCH /api/v1/orders/3f0c 204",
    "DELETE /api/v1/orders/3f0c 204",
    "OPTIONS /api/v1/orders 204",
    "POST /graphql 200",
    "GET /api/v1/reports?at=2026-01-01T00%3A00%3A00%2B01%3A00 200",
    "GET /api/v1/files/a..b/versions/1...2 200",
    "GET /api/v1/missing 404",
    "POST /api/v1/orders 422",
    "GET /api/v1/orders 429",
    "GET /api/v1/slow 504",
    "GET /health 200",
    "GET /actuator/health 200",
    "GET /metrics 200",
    "POST /v1/chat/completions 200",
    "GET /v1/models 200",
    "GET /solr/items/select?q=name:shoes&wt=json 200",
    "GET /shop/_search?q=user:kim 200",
    "PROPFIND /dav/ 207",
    "GET /api/v1/events -",
)
_BROWSER_HEADERS = (
    "Accept: text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8",
    "Accept-Language: de,en-US;q=0.7,en;q=0.3",
    "Accept-Encoding: gzip, deflate, br",
    "Referer: https://shop.example/search?q=it%27s+here",
    "Cookie: session=0123456789; theme=dark",
    "Sec-Fetch-Mode: navigate",
)
_PROGRAM_HEADERS = (
    "Accept: application/json",
    "Authorization: Bearer eyJhbGciOiJIUzI1NiJ9.e30.x",
    "X-Request-Id: 5b0e2b4a-1f5e-4a52-b4ac-9ad1d2f4c001",
    "X-Forwarded-For: 203.0.113.50, 10.0.0.7",
    "X-Forwarded-Host: api.shop.example",
    "traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
)
#: What is asked, by whom, with which headers besides.
KINDS = (
    (_PAGES, _BROWSERS, _BROWSER_HEADERS),
    (_CRAWLED + _PAGES[:3], _CRAWLERS, ()),
    (_CALLS, _PROGRAMS, _PROGRAM_HEADERS),
)
_CLIENTS = ("203.0.113.9", "203.0.113.77", "10.2.3.4", "2001:db8::17", "192.0.2.44")


def ordinary(count: int = 0, seed: int = 1) -> Iterator[Seen]:
    """Every line by every agent that sends its kind; then chance, until there are `count`."""
    mixes = [
        mix
        for lines, agents, headers in KINDS
        for mix in itertools.product(lines, agents, (headers,))
    ]
    chance = random.Random(seed)
    more = (chance.choice(mixes) for _ in range(count - len(mixes)))
    for line, agent, headers in itertools.chain(mixes, more):
        # Which of the headers a client sends differs from one to the next.
        sent = tuple(header for header in headers if chance.random() < 0.8)
        yield Seen.read(
            {
                "request": line,
                "headers": ("Host: shop.example", f"User-Agent: {agent}", *sent),
                "client": chance.choice(_CLIENTS),
                "duration_ms": chance.randint(1, 400),
            }
        )
