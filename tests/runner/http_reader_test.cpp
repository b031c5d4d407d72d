#include "runner/http_reader.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>

namespace oldiron::http_reader_test {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

HttpAnswer read(std::string_view text, std::size_t piece_bytes, bool close = true) {
  HttpReader reader;
  double at_s = 0;
  for (std::size_t at = 0; at < text.size(); at += piece_bytes) reader.feed(text.substr(at, piece_bytes), ++at_s);
  if (close) reader.close(++at_s);
  return reader.answer();
}

std::vector<std::string> data_of(const HttpAnswer& answer) {
  std::vector<std::string> data;
  for (const ServerEvent& event : answer.events) data.push_back(event.data);
  return data;
}

constexpr std::string_view kStream =
    "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream; charset=utf-8\r\nTransfer-Encoding: Chunked\r\n\r\n"
    "10\r\ndata: {\"a\":1}\n\nd\r\n2;x=y\r\nat\r\n5\r\na:b\n\n\r\n0\r\n\r\n";

TEST(HttpReader, TakesABodyOfAToldLength) {
  for (const std::size_t piece : {1u, 3u, 1000u}) {
    const HttpAnswer answer = read("HTTP/1.1 404 Not Found\r\nContent-Length:  5\r\n\r\nhello, more", piece, false);
    EXPECT_EQ(answer.status, 404);
    EXPECT_EQ(answer.body, "hello");
    EXPECT_EQ(answer.error, "");
  }
}

TEST(HttpReader, PutsChunksTogetherHoweverTheyArrive) {
  for (const std::size_t piece : {1u, 2u, 7u, 1000u}) {
    const HttpAnswer answer = read(kStream, piece, false);
    EXPECT_TRUE(answer.ok()) << answer.error;
    EXPECT_THAT(data_of(answer), ElementsAre("{\"a\":1}", "b")) << piece;
    EXPECT_EQ(answer.body, "");
  }
}

TEST(HttpReader, NotesWhenEachEventCame) {
  HttpReader reader;
  reader.feed("HTTP/1.0 200 OK\r\nContent-Type: text/event-stream\r\n\r\ndata: a\r\n\r\ndata: b", 1);
  EXPECT_EQ(reader.answer().events.size(), 1u);
  reader.feed("\n\n", 2);
  reader.close(3);
  EXPECT_THAT(reader.answer().events, ElementsAre(ServerEvent{"a", 1}, ServerEvent{"b", 2}));
  EXPECT_EQ(reader.answer().ended_s, 3);
}

TEST(HttpReader, JoinsTheDataLinesOfAnEventAndSkipsTheRest) {
  const HttpAnswer answer =
      read("HTTP/1.0 200 OK\r\nContent-Type: text/event-stream\r\n\r\n: ping\n\nevent: x\ndata: a\ndata:b\nid: 7\n\n", 1000);
  EXPECT_THAT(data_of(answer), ElementsAre("a\nb"));
}

TEST(HttpReader, WaitsForTheAnswerBehindAContinue) {
  EXPECT_EQ(read("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx", 1000, false).body, "x");
}

TEST(HttpReader, SaysWhatIsWrongWithAnAnswer) {
  EXPECT_THAT(read("SSH-2.0-OpenSSH_9.2\r\n", 1000).error, HasSubstr("does not speak HTTP"));
  EXPECT_THAT(read("HTTP/1.1 abc\r\n\r\n", 1000).error, HasSubstr("does not speak HTTP"));
  EXPECT_THAT(read("", 1000).error, HasSubstr("without an answer"));
  EXPECT_THAT(read("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf", 1000).error, HasSubstr("in the middle"));
  EXPECT_THAT(read("HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\nhalf", 1000).error, HasSubstr("no number"));
  EXPECT_THAT(read("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", 1000).error, HasSubstr("without its length"));
  EXPECT_THAT(read(std::string(100000, 'H'), 1000).error, HasSubstr("does not speak HTTP"));
}

TEST(HttpReader, AnEndlessAnswerIsAnError) {
  HttpReader reader;
  reader.feed("HTTP/1.1 200 OK\r\n\r\n", 1);
  const std::string piece(1 << 20, '#');
  for (int i = 0; i < 100 && !reader.done(); ++i) reader.feed(piece, 2);
  EXPECT_THAT(reader.answer().error, HasSubstr("without an end"));
  HttpReader chunked;
  chunked.feed("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", 1);
  for (int i = 0; i < 100 && !chunked.done(); ++i) chunked.feed(std::string(1 << 12, '1'), 2);
  EXPECT_TRUE(chunked.done());
}

// What stands in the bytes, whatever they are, ends in an answer or an error, the same however it is cut.
TEST(HttpReader, DamagedAnswersEndAlikeHoweverTheyAreCut) {
  std::mt19937 random(7);
  for (int round = 0; round < 20000; ++round) {
    std::string text(kStream);
    for (int changes = 1 + static_cast<int>(random() % 4); changes > 0; --changes) {
      const std::size_t at = random() % text.size();
      switch (random() % 3) {
        case 0: text[at] = static_cast<char>(random()); break;
        case 1: text.erase(at, random() % 9); break;
        default: text.insert(at, 1 + random() % 3, static_cast<char>(random())); break;
      }
    }
    const HttpAnswer whole = read(text, text.size()), cut = read(text, 1 + random() % 5);
    EXPECT_EQ(whole.status, cut.status);
    EXPECT_EQ(whole.error, cut.error);
    EXPECT_EQ(data_of(whole), data_of(cut));
    EXPECT_EQ(whole.body, cut.body);
  }
}

}  // namespace
}  // namespace oldiron::http_reader_test
