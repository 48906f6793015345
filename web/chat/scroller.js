// Keeps the newest words in view, unless the reader has scrolled away from them.

// So near to the end counts as the end.
const NEAR = 80;

export class Scroller {
  constructor(box, button) {
    this.box = box;
    this.button = button;
    this.isFollowing = true;
    box.addEventListener('scroll', () => {
      this.isFollowing = this.distance() < NEAR;
      button.hidden = this.distance() < 2 * NEAR;
    }, { passive: true });
    button.addEventListener('click', () => this.toEnd('smooth'));
  }

  distance() {
    return this.box.scrollHeight - this.box.clientHeight - this.box.scrollTop;
  }

  // From now on the end is in view.
  follow() {
    this.isFollowing = true;
    this.grew();
  }

  grew() {
    if (this.isFollowing) this.box.scrollTop = this.box.scrollHeight;
  }

  toEnd(behavior = 'instant') {
    this.box.scrollTo({ top: this.box.scrollHeight, behavior });
    // Turns that were never seen get their real heights only now.
    requestAnimationFrame(() => this.box.scrollTo({ top: this.box.scrollHeight, behavior }));
  }
}
