//===- CurlClient.cpp - GET requests over libcurl -------------------------===//

#include "runtime/fetch/HttpClient.h"

#include <curl/curl.h>

#include <algorithm>
#include <utility>

namespace swamla {
namespace {

constexpr long kStallBytesPerSecond = 1000;
constexpr long kBufferBytes = 256 * 1024;

struct CurlDelete {
  void operator()(CURL *handle) const { curl_easy_cleanup(handle); }
  void operator()(curl_slist *list) const { curl_slist_free_all(list); }
  void operator()(CURLU *url) const { curl_url_cleanup(url); }
};

/// One request's state, for curl's callbacks.
struct Transfer {
  const HttpHandler &handler;
  HttpAnswerParser parser;
  bool answered = false, declined = false;

  bool begin() {
    if (!answered) {
      answered = true;
      declined = !handler.onAnswer(parser.answer());
    }
    return !declined;
  }
};

size_t takeHeader(char *data, size_t, size_t size, void *transfer) {
  static_cast<Transfer *>(transfer)->parser.line({data, size});
  return size;
}

size_t takeBody(char *data, size_t, size_t size, void *transfer) {
  auto &state = *static_cast<Transfer *>(transfer);
  // A redirect's or an error's text is nobody's business.
  constexpr int kOk = 200, kLastSuccess = 299;
  int status = state.parser.answer().status;
  if (status < kOk || status > kLastSuccess)
    return size;
  if (!state.begin())
    return 0;
  state.declined = !state.handler.onBody(std::as_bytes(std::span(data, size)));
  return state.declined ? 0 : size;
}

int tick(void *transfer, curl_off_t, curl_off_t, curl_off_t, curl_off_t) {
  auto &state = *static_cast<Transfer *>(transfer);
  if (!state.handler.onTick())
    state.declined = true;
  return state.declined ? 1 : 0;
}

/// Whether the failure can be one of the moment.
bool isTransient(CURLcode code) {
  constexpr CURLcode kForGood[] = {
      CURLE_UNSUPPORTED_PROTOCOL, CURLE_URL_MALFORMAT, CURLE_PEER_FAILED_VERIFICATION,
      CURLE_SSL_CACERT_BADFILE,   CURLE_FAILED_INIT,   CURLE_OUT_OF_MEMORY,
      CURLE_SSL_CIPHER,           CURLE_NOT_BUILT_IN,  CURLE_SSL_ENGINE_NOTFOUND,
  };
  return std::ranges::find(kForGood, code) == std::end(kForGood);
}

class CurlClient final : public HttpClient {
public:
  CurlClient(CURL *handle, const HttpTimeouts &timeouts) : curl(handle), timeouts(timeouts) {}
  HttpResult get(const HttpRequest &request, const HttpHandler &handler) override;

private:
  void setUp(const HttpRequest &request, Transfer &transfer, char *error);

  std::unique_ptr<CURL, CurlDelete> curl;
  HttpTimeouts timeouts;
};

void CurlClient::setUp(const HttpRequest &request, Transfer &transfer, char *error) {
  CURL *c = curl.get();
  curl_easy_reset(c); // keeps connections
  curl_easy_setopt(c, CURLOPT_URL, request.url.c_str());
  curl_easy_setopt(c, CURLOPT_PROTOCOLS_STR, "http,https");
  curl_easy_setopt(c, CURLOPT_FOLLOWLOCATION, 0L);
  curl_easy_setopt(c, CURLOPT_NOSIGNAL, 1L); // a program with threads
  curl_easy_setopt(c, CURLOPT_CONNECTTIMEOUT, timeouts.connectSeconds);
  curl_easy_setopt(c, CURLOPT_LOW_SPEED_LIMIT, kStallBytesPerSecond);
  curl_easy_setopt(c, CURLOPT_LOW_SPEED_TIME, timeouts.stallSeconds);
  curl_easy_setopt(c, CURLOPT_BUFFERSIZE, kBufferBytes);
  curl_easy_setopt(c, CURLOPT_USERAGENT, "swamla");
  curl_easy_setopt(c, CURLOPT_ERRORBUFFER, error);
  curl_easy_setopt(c, CURLOPT_HEADERFUNCTION, takeHeader);
  curl_easy_setopt(c, CURLOPT_HEADERDATA, &transfer);
  curl_easy_setopt(c, CURLOPT_WRITEFUNCTION, takeBody);
  curl_easy_setopt(c, CURLOPT_WRITEDATA, &transfer);
  curl_easy_setopt(c, CURLOPT_NOPROGRESS, 0L);
  curl_easy_setopt(c, CURLOPT_XFERINFOFUNCTION, tick);
  curl_easy_setopt(c, CURLOPT_XFERINFODATA, &transfer);
}

HttpResult CurlClient::get(const HttpRequest &request, const HttpHandler &handler) {
  Transfer transfer{handler, {}, false, false};
  char error[CURL_ERROR_SIZE] = "";
  setUp(request, transfer, error);
  curl_slist *list = nullptr;
  for (const std::string &header : request.headers)
    if (curl_slist *longer = curl_slist_append(list, header.c_str()))
      list = longer;
  std::unique_ptr<curl_slist, CurlDelete> headers(list);
  curl_easy_setopt(curl.get(), CURLOPT_HTTPHEADER, headers.get());
  CURLcode code = curl_easy_perform(curl.get());
  HttpResult result;
  if (code == CURLE_OK && !transfer.parser.answer().isRedirect())
    transfer.begin(); // where there was no body
  result.answer = transfer.parser.answer();
  const char *redirect = nullptr;
  if (curl_easy_getinfo(curl.get(), CURLINFO_REDIRECT_URL, &redirect) == CURLE_OK && redirect)
    result.redirect = redirect;
  curl_off_t wait = 0;
  if (curl_easy_getinfo(curl.get(), CURLINFO_RETRY_AFTER, &wait) == CURLE_OK && wait > 0)
    result.retryAfter = static_cast<uint64_t>(wait);
  result.end = transfer.declined  ? HttpResult::Declined
               : code == CURLE_OK ? HttpResult::Complete
                                  : HttpResult::Broken;
  if (result.end == HttpResult::Broken) {
    result.problem = *error ? error : curl_easy_strerror(code);
    result.retry = isTransient(code);
  }
  return result;
}

} // namespace

Result<std::unique_ptr<HttpClient>> HttpClient::create(const HttpTimeouts &timeouts) {
  static const CURLcode initialised = curl_global_init(CURL_GLOBAL_DEFAULT);
  CURL *handle = initialised == CURLE_OK ? curl_easy_init() : nullptr;
  if (!handle)
    return failedPrecondition(
        fmt::format("cannot start libcurl: {}", curl_easy_strerror(initialised)));
  return std::unique_ptr<HttpClient>(std::make_unique<CurlClient>(handle, timeouts));
}

std::optional<std::string> originOf(const std::string &url) {
  std::unique_ptr<CURLU, CurlDelete> parsed(curl_url());
  if (!parsed || curl_url_set(parsed.get(), CURLUPART_URL, url.c_str(), 0) != CURLUE_OK)
    return std::nullopt;
  std::string parts[3];
  constexpr CURLUPart kParts[] = {CURLUPART_SCHEME, CURLUPART_HOST, CURLUPART_PORT};
  for (size_t i = 0; i < std::size(kParts); ++i) {
    char *text = nullptr;
    if (curl_url_get(parsed.get(), kParts[i], &text, CURLU_DEFAULT_PORT) != CURLUE_OK)
      return std::nullopt;
    parts[i] = text;
    curl_free(text);
    std::ranges::transform(parts[i], parts[i].begin(), [](unsigned char c) {
      return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : static_cast<char>(c);
    });
  }
  if (parts[0] != "http" && parts[0] != "https")
    return std::nullopt;
  return fmt::format("{}://{}:{}", parts[0], parts[1], parts[2]);
}

} // namespace swamla
